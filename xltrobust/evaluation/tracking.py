"""What W&B is told of a run besides its curves: everything to group and filter runs by, and the results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from xltrobust.arguments import hash_of
from xltrobust.evaluation.predictions import Row
from xltrobust.regularizers.base import Regularizer
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.loggers import PatientWandbLogger, WandbOptions
from xltrobust.runs.provenance import git_state, package_versions
from xltrobust.seeding import global_seed

PLAIN = "plain"  # the method without regularizers
_SHOWN = 200  # attacked examples in the table
_EXAMPLE = (
    "language", "attack", "id", "label", "prediction", "text", "text_pair", "adversarial_text",
    "adversarial_text_pair", "queries",
)  # fmt: skip


def options_of(config: Mapping[str, Any], methods: Iterable[str]) -> WandbOptions:
    """The options of a configuration's section ``wandb``, and in place of those left out what runs are found by.

    Args:
        config: the resolved configuration.
        methods: names of the regularizers.
    """
    methods = sorted(methods)
    suite = config["adversarial"].get("suite")
    task, encoder = config["data"]["class_path"].rpartition(".")[2], Path(config["model"]["encoder"]).name
    same = {name: value for name, value in config.items() if name not in ("seed_everything", "run_dir", "wandb")}
    given = {name: value for name, value in (config.get("wandb") or {}).items() if value is not None}
    own = {
        "group": f"{task}/{encoder}/{'+'.join(methods) or PLAIN}-{hash_of(same)[:6]}",
        "job_type": "fit" if config.get("test_checkpoint") is None else "test",
        "tags": [task, encoder, *methods, *(config["adversarial"].get("attacks") or {}), *filter(None, [suite])],
    }
    return WandbOptions(**own | given)


def run_config(
    config: str | None,
    data: Any,
    encoder: str,
    regularizers: Iterable[Regularizer],
    attacks: Mapping[str, Any],
    suites: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """What a run is, for W&B's configuration.

    Args:
        config: the resolved configuration as YAML; None leaves it out.
        data: the task's data module.
        encoder: the encoder's name.
        regularizers: of the training.
        attacks: descriptions of the attacks (see :func:`~xltrobust.perturb.recipe.describe_attack`), by name.
        suites: records of suites of attacks, by name: their ``hash``, and the ``mode`` they are run in.
    """
    options = yaml.safe_load(config) if config else {}
    named = {regularizer.name: regularizer.described() for regularizer in regularizers}
    return {
        "seed": global_seed(),
        "task": type(data).__name__,
        "encoder": encoder,
        "source": data.source,
        "languages": [evaluation_set.name for evaluation_set in data.test_sets if evaluation_set.split == "test"],
        "method": "+".join(sorted(named)) or PLAIN,
        "regularizers": named,
        **attack_config(attacks, suites),
        **git_state(),
        "versions": package_versions(),
        **{name: options[name] for name in ("model", "data", "trainer") if name in options},
    }


def attack_config(recipes: Mapping[str, Any], suites: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Attacks, and suites of attacks, each with the hash of its definition that reports and model cards show, and the
    hash of them all.

    Runs that were attacked alike have the same ``suite``.

    Args:
        recipes: descriptions of the attacks, by name.
        suites: records of suites, by name; the attacks of those in mode ``full`` are among the attacks.
    """
    named = {
        name: {"definition": suite["hash"][:12], "mode": suite.get("mode", "full")}
        for name, suite in (suites or {}).items()
    }
    hashes = {name: hash_of(json.loads(json.dumps(recipe, sort_keys=True)))[:12] for name, recipe in recipes.items()}
    attacks = {name: {"recipe": recipe, "definition": hashes[name]} for name, recipe in recipes.items()}
    of_all = [*hashes.values(), *(own["definition"] for own in named.values() if own["mode"] == "robust")]
    return {"attacks": attacks, "suites": named, "suite": hash_of(sorted(of_all))[:12] if of_all else None}


def log_results(logger: PatientWandbLogger, folder: RunFolder, rows: Iterable[Row]) -> None:
    """Adds the results of a test, or of further attacks, to a run of W&B: figures, tables and the heat map.

    Figures go to its summary, not to its curves, which they are no part of.

    Args:
        logger: of the run.
        folder: of the run, with a report.
        rows: of ``predictions.parquet``.
    """
    results = RunFolder(folder.path).finished
    recipes = {name: record["recipe"] for name, record in (results.get("attacks") or {}).items() if "recipe" in record}
    if (cost := results.get("passes") or {}) and logger.passes is None:
        logger.passes = lambda: cost["plain_passes"]
    logger.log_config(attack_config(recipes, results.get("suites")))
    pairs = {f"pairs_{name}": n for name, n in (results.get("pairs") or {}).items() if name != "hash"}
    shares = {
        f"{quantity}/{name}": own[quantity]
        for name, own in (results.get("gradient_shares") or {}).items()
        for quantity in ("weight", "share", "task_gradient", "term_gradient")
    }
    logger.log_summary(results["figures"] | {f"cost/{name}": n for name, n in (cost | pairs).items()} | shares)
    report = folder.path / "report"
    tables = {"attacked_examples": _examples(rows)}
    if (report / "report.csv").exists():
        tables |= _figures(report / "report.csv")
    logger.log_once(tables, {"heat_map": report / "heatmap.png"})


def _figures(path: Path) -> dict[str, pd.DataFrame]:
    """The report's figures: a row for each language, and a row for each figure, with its interval."""
    frame = pd.read_csv(path).drop(columns=["run"])
    shown = frame[frame["metric"].isin(["accuracy", "accuracy_before", "f1", "majority"])]
    names = shown["condition"] + " " + shown["metric"].str.replace("_", " ")
    table = shown.assign(name=names).pivot_table(index="language", columns="name", values="value", sort=False)
    return {"results": table.reset_index(), "results_with_intervals": frame}


def _examples(rows: Iterable[Row]) -> pd.DataFrame:
    """Some of the examples that attacks broke."""
    changed = [row for row in rows if row["adversarial_text"] is not None and row["label"] != row["prediction"]]
    step = max(1, len(changed) // _SHOWN)
    return pd.DataFrame([{name: row[name] for name in _EXAMPLE} for row in changed[::step]][:_SHOWN])
