"""Writes what a run leaves behind: every prediction and every figure, once, complete and in order."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from xltrobust.evaluation.attacked import AdversarialEvaluation
from xltrobust.evaluation.predictions import Prediction, Row, attack_record, prediction_row, write_predictions
from xltrobust.example import EvaluationSet
from xltrobust.files import atomic_write, content_hash, write_json
from xltrobust.regularizers.base import Regularizer
from xltrobust.runs.folder import SCHEMA, RunFolder
from xltrobust.runs.provenance import git_state, machine, package_versions
from xltrobust.runs.stopping import Stopped, heed_signals_first
from xltrobust.seeding import global_seed

_SHOWN = 200  # attacked examples in the W&B table


class RunRecorder(pl.Callback):
    """Writes ``predictions.parquet`` and ``results.json`` at the end of the test, from the shares of all devices.

    A start that fails, in the data or the set-up, leaves nothing: the configuration is written and the loggers are
    started when that is done.

    Args:
        run_dir: the run's folder.
        config: the resolved configuration, to be written there; None writes none.
        loggers: of the trainer, which has none until then.
    """

    def __init__(self, run_dir: str, config: str | None = None, loggers: Sequence[Logger] = ()) -> None:
        self.folder = RunFolder(run_dir)
        self.config, self.loggers = config, list(loggers)
        self.seconds: dict[str, float] = {}
        self._started = 0.0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "test":
            self._start_logging(trainer)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        _ = data.train_examples  # the rest has been read
        self._start_logging(trainer)
        self._started = time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write_config(trainer)
        heed_signals_first()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, Stopped) and isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
            trainer.strategy.launcher.kill(signal.SIGKILL)  # the other processes would wait for this one

    def _start_logging(self, trainer: pl.Trainer) -> None:
        trainer.loggers, self.loggers = trainer.loggers or self.loggers, []

    def _write_config(self, trainer: pl.Trainer) -> None:
        """The resolved configuration, which ``--config`` takes back; not that of a trial run."""
        if self.config is not None and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            with atomic_write(self.folder.config) as temporary:
                temporary.write_text(self.config, encoding="utf8")

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["fit"] = time.perf_counter() - self._started

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write_config(trainer)
        heed_signals_first()
        self._started = time.perf_counter()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["test"] = time.perf_counter() - self._started
        shares: list[list[Prediction]] = [pl_module.predictions]  # type: ignore[list-item]
        if trainer.world_size > 1:
            shares = [[] for _ in range(trainer.world_size)]
            torch.distributed.all_gather_object(shares, pl_module.predictions)
        compute = pl_module.compute()  # type: ignore[operator]
        if trainer.is_global_zero:
            predictions = [own for share in shares for own in share]
            rows = prediction_rows(predictions, trainer.datamodule.test_sets)  # type: ignore[attr-defined]
            write_predictions(rows, self.folder.predictions)
            results = self._results(trainer, pl_module) | {"passes": compute}
            results["attacks"] = _attack_records(predictions, trainer)
            write_json(results, self.folder.results)
            shutil.rmtree(self.folder.answers, ignore_errors=True)
            self.folder.previous.unlink(missing_ok=True)  # nobody will resume from it
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
            "machine": machine(
                trainer.num_devices * trainer.num_nodes, type(trainer.accelerator).__name__, str(trainer.precision)
            ),
            "task": type(data).__name__,
            "text_pairs": first.text_pair is not None,
            "encoder": module.hparams["encoder"],
            "regularizers": {own.name: own.described() for own in _regularizers(trainer)},
            "labels": module.labels,
            "source": data.source,
            "languages": [own.name for own in data.test_sets if own.split == "test"],
            "data": data.data_counts(),
            "checkpoint": {
                "path": _checkpoint_path(Path(str(trainer.ckpt_path)).resolve(), self.folder),
                "hash": content_hash(Path(str(trainer.ckpt_path))),
                "chosen_by": module.chosen_by(),
                "validation": module.validation_history,
            },
            "oracle": module.oracle(),
            "figures": module.figures,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
        }


def prediction_rows(predictions: list[Prediction], sets: Sequence[EvaluationSet]) -> list[Row]:
    """The rows of ``predictions.parquet``, clean before attacked, in the order of the test sets and their examples."""
    attacks = list(dict.fromkeys(own.attack for own in predictions if own.attack))

    def place(own: Prediction) -> tuple[int, int, int]:
        return (attacks.index(own.attack) + 1 if own.attack else 0, own.set_index, own.index)

    return [
        prediction_row(sets[own.set_index], own.index, own.prediction, own.attack, own.result)
        for own in sorted(predictions, key=place)
    ]


def _checkpoint_path(checkpoint: Path, folder: RunFolder) -> str:
    """The path to record: relative to the run's folder, which may be moved, if it is in there."""
    own = folder.path.resolve()
    return str(checkpoint.relative_to(own) if checkpoint.is_relative_to(own) else checkpoint)


def _regularizers(trainer: pl.Trainer) -> list[Regularizer]:
    return [own for own in trainer.callbacks if isinstance(own, Regularizer)]  # type: ignore[attr-defined]


def _attack_records(predictions: list[Prediction], trainer: pl.Trainer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, AdversarialEvaluation):
            for name, recipe in callback.attacks.items():
                results = [own.result for own in predictions if own.attack == name and own.result]
                settings = {"seed": global_seed(), "max_examples": callback.max_examples, "languages": None}
                found[name] = attack_record(recipe, results, callback.seconds.get(name, 0.0)) | settings
    return found


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
