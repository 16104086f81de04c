"""Short runs before a study's cells: they fill the caches that cells share, and tell how long a cell takes."""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xltrobust.arguments import hash_of
from xltrobust.errors import UserError
from xltrobust.files import write_json
from xltrobust.reading import read_json
from xltrobust.runs.folder import RunFolder
from xltrobust.study.attempt import Task, last_line
from xltrobust.study.engines.local import LocalEngine
from xltrobust.study.expansion import Cell
from xltrobust.study.folder import StudyFolder
from xltrobust.study.resolving import config_hash

STEPS, TESTED, ATTACKED = 8, 8, 4  # steps of a trial; examples of a language that it tests, and attacks
_TIMES = "stopwatch.json"


def shared_data(config: Mapping[str, Any]) -> str:
    """What cells that share all prepared data have in common: encoder, task, corpus, and whether pairs are read."""
    callbacks = [str(own.get("class_path")) for own in config["trainer"].get("callbacks") or []]
    parts = [config["model"].get("encoder"), config["data"], sorted(callbacks)]
    return hash_of(parts)


def trial_name(cell: Cell) -> str:
    """What trials of cells that differ in their seeds alone have in common."""
    return config_hash(dict(cell.config) | {"seed_everything": 0})


def trial_config(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A cell's configuration, cut down to a few steps and a few examples of each language.

    Args:
        config: the cell's.
        folder: the trial's run folder.
    """
    short = copy.deepcopy(dict(config))
    short["run_dir"], short["test_weights"] = str(folder), "last"
    ends = {"path": str(folder / _TIMES), "batches": STEPS}
    watch = {"class_path": "xltrobust.study.stopwatch.Stopwatch", "init_args": ends}
    short["trainer"] |= {
        "min_epochs": None, "min_steps": None, "check_val_every_n_epoch": 1, "val_check_interval": None,
        "logger": False, "enable_progress_bar": False, "enable_model_summary": False,
        "callbacks": [*(short["trainer"].get("callbacks") or []), watch],
    }  # fmt: skip
    short["data"]["init_args"] |= {"max_test_examples": _least(short["data"]["init_args"], TESTED)}
    short["data"]["init_args"]["validate_targets"] = 0
    short["adversarial"] |= {"max_examples": _least(short["adversarial"], ATTACKED, "max_examples")}
    short["adversarial"]["every_n_epochs"] = None
    short["best_checkpoint"] = {"attack": None}
    short["averaging"] = dict.fromkeys(short.get("averaging") or {})
    return short


def trial(cell: Cell, folder: StudyFolder, threads: int) -> dict[str, Any]:
    """Makes the trial of a cell in a process of its own, unless there is one of the same configuration.

    Returns:
        ``seconds`` that the whole cell is estimated to take, and the optimizer ``steps`` of its training.

    Raises:
        UserError: if it fails; names its log.
    """
    path = folder.logs / "trials" / f"{trial_name(cell)}.json"
    if path.exists():
        return read_json(path)
    run, log = path.with_suffix(""), path.with_suffix(".log")
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    text = yaml.safe_dump(trial_config(cell.config, run), sort_keys=False, allow_unicode=True)
    RunFolder(run).config.write_text(text, encoding="utf8")
    engine, started = LocalEngine(1, threads), time.monotonic()
    job = engine.start(Task(cell.name, run, log))
    try:
        while not (ended := engine.ended([job])):
            pass
    except BaseException:
        engine.stop([job])
        raise
    seconds = time.monotonic() - started
    if ended[0][1]:
        raise UserError(f"the trial of {cell.combination} failed: {last_line(log)}; log {log}.")
    measured = read_json(run / _TIMES)
    found = estimate(cell.config, measured, RunFolder(run).finished, seconds)
    write_json(found, path)
    shutil.rmtree(run)
    return found


def estimate(
    config: Mapping[str, Any], measured: Mapping[str, Any], results: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """How long a whole cell takes, told from its trial.

    Args:
        config: the cell's.
        measured: what the stopwatch wrote.
        results: ``results.json`` of the trial.
        seconds: the trial's, from the start of its process to its end.

    Returns:
        ``seconds``, of which ``training``, ``testing`` and ``attacks``; and ``steps``.
    """
    batches, epochs = planned(config, measured, results["passes"]["plain_passes"])
    training = batches * measured["step"] + max(1, round(epochs)) * measured["validation"]
    tried, whole = results["data"]["examples"], results["data"].get("examples_before_cap", {})
    largest = {split: max(whole.get(split, sizes).values()) for split, sizes in tried.items() if sizes}
    cap = config["data"]["init_args"].get("max_test_examples") or largest["test"]
    tested = min(cap, largest["test"])
    together = [suite["together"] for suite in (results.get("suites") or {}).values() if "together" in suite]
    attacking = sum(attack["seconds"] for attack in [*results["attacks"].values(), *together])
    clean = max(0.0, results["seconds"]["test"] - attacking)
    attacked = min(config["adversarial"].get("max_examples") or tested, tested)
    parts = {
        "training": training,
        "testing": clean * tested / max(1, max(tried["test"].values())),
        "attacks": attacking * attacked / min(ATTACKED, attacked),
    }
    trained = measured["steps"] * measured["step"] + measured["validation"]
    starting = max(0.0, seconds - trained - results["seconds"]["test"])
    steps = batches / config["trainer"].get("accumulate_grad_batches", 1)
    total = {"seconds": sum(parts.values()) + starting, "steps": steps, "starting": starting, **parts}
    return {name: round(value, 1) for name, value in total.items()}


def planned(config: Mapping[str, Any], measured: Mapping[str, Any], passes: float) -> tuple[float, float]:
    """The batches and the epochs of a whole training.

    Args:
        config: the cell's.
        measured: what the stopwatch wrote.
        passes: what the trial's batches cost, in plain passes over the training data.
    """
    in_epoch, trainer = measured["steps_in_epoch"], config["trainer"]
    if (budget := config["model"].get("max_passes")) is not None:
        batches = budget / (passes / measured["steps"])
    else:
        epochs = trainer.get("max_epochs")
        batches = in_epoch * epochs if epochs is not None and epochs > 0 else float("inf")
        if (most := trainer.get("max_steps", -1)) > 0:
            batches = min(batches, most * trainer.get("accumulate_grad_batches", 1))
        elif epochs is None:
            batches = in_epoch * 1000  # Lightning's default
    return batches, batches / in_epoch


def _least(options: Mapping[str, Any], most: int, name: str = "max_test_examples") -> int:
    return min(most, options.get(name) or most)
