"""Writes a run's files: its configuration, every prediction and every figure."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from xltrobust.evaluation.attacked import AdversarialEvaluation
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.evaluation.predictions import Prediction, attack_record, write_predictions
from xltrobust.evaluation.results import tested_model
from xltrobust.evaluation.tracking import run_config
from xltrobust.evaluation.until_broken import suite_caveat, together_record
from xltrobust.files import atomic_write, content_hash, write_json
from xltrobust.metrics.coverage import robust_name
from xltrobust.perturb.recipe import describe_attack
from xltrobust.regularizers.base import Regularizer
from xltrobust.runs.averaging import averaging_of
from xltrobust.runs.folder import RunFolder, weights_name
from xltrobust.runs.loggers import PatientWandbLogger
from xltrobust.runs.provenance import machine
from xltrobust.runs.stopping import Stopped, heed_signals_first
from xltrobust.seeding import global_seed


class RunRecorder(pl.Callback):
    """Writes ``predictions.parquet`` and ``results.json`` at the end of the test: what the evaluation found.

    The configuration is written and the loggers are started only once the data have been read and everything is set
    up, so that a start that fails leaves no files.

    Args:
        run_dir: the run's folder.
        config: the resolved configuration, to write there; None writes none.
        loggers: to hand to the trainer, which must have none until then.
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
        for logger in trainer.loggers:
            if isinstance(logger, PatientWandbLogger):
                logger.passes = trainer.lightning_module.passes_so_far  # type: ignore[assignment]

    def _write_config(self, trainer: pl.Trainer) -> None:
        """The resolved configuration, which ``--config`` takes back; not that of a trial run."""
        if self.config is not None and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            with atomic_write(self.folder.config) as temporary:
                temporary.write_text(self.config, encoding="utf8")
        for logger in trainer.loggers:
            if isinstance(logger, PatientWandbLogger):
                logger.log_config(self._described(trainer))

    def _described(self, trainer: pl.Trainer) -> dict[str, Any]:
        attacks = {
            name: describe_attack(recipe)
            for callback in trainer.callbacks  # type: ignore[attr-defined]
            if isinstance(callback, AdversarialEvaluation)
            for name, recipe in callback.attacks.items()
        }
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        encoder = trainer.lightning_module.hparams["encoder"]
        suites = {
            callback.suite.name: {"hash": callback.suite.hash, "mode": callback.suite_mode}
            for callback in trainer.callbacks  # type: ignore[attr-defined]
            if isinstance(callback, AdversarialEvaluation) and callback.suite is not None
        }
        return run_config(self.config, data, encoder, _regularizers(trainer), attacks, suites)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["fit"] = time.perf_counter() - self._started

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write_config(trainer)
        heed_signals_first()
        self._started = time.perf_counter()

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds["test"] = time.perf_counter() - self._started
        evaluation = MultilingualEvaluation.of(trainer)
        compute = pl_module.training_cost()  # type: ignore[operator]
        visits = trainer.datamodule.visits_record()  # type: ignore[attr-defined]
        if trainer.is_global_zero:
            write_predictions(evaluation.rows, self.folder.predictions)
            results = self._results(trainer, pl_module, evaluation) | {"passes": compute, "pairs": visits}
            write_json(results, self.folder.results)
            shutil.rmtree(self.folder.answers, ignore_errors=True)
            self.folder.previous.unlink(missing_ok=True)  # nobody will resume from it
        # Nobody may go on to read the files before they are there.
        trainer.strategy.barrier("results written")

    def _results(self, trainer: pl.Trainer, module: Any, evaluation: MultilingualEvaluation) -> dict[str, Any]:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        checkpoint, history = Path(str(trainer.ckpt_path)), evaluation.history
        weights = weights_name(checkpoint)
        devices = trainer.num_devices * trainer.num_nodes
        return tested_model(
            self.folder,
            data,
            command=["python -m xltrobust.fit", *sys.argv[1:]],
            encoder=module.hparams["encoder"],
            seed=global_seed(),
            head_seed=module.hparams["head_seed"],
            machine=machine(devices, type(trainer.accelerator).__name__, str(trainer.precision)),
        ) | {
            "regularizers": {regularizer.name: regularizer.described() for regularizer in _regularizers(trainer)},
            "gradient_shares": module.share_records(),
            "data": data.data_counts(),
            "checkpoint": {
                "path": _checkpoint_path(checkpoint.resolve(), self.folder),
                "hash": content_hash(checkpoint),
                "weights": weights,
                "averaging": averaging_of(checkpoint),
                "chosen_by": history.chosen_by if weights in ("best", None) else None,
                "validation": history.epochs,
            },
            "oracle": history.oracle(),
            "figures": evaluation.figures,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "attacks": _attack_records(evaluation.predictions, trainer),
            "suites": _suite_records(evaluation, trainer),
        }


def _checkpoint_path(checkpoint: Path, folder: RunFolder) -> str:
    """The path to record: relative to the run's folder, which may be moved, if it is in there."""
    run_dir = folder.path.resolve()
    return str(checkpoint.relative_to(run_dir) if checkpoint.is_relative_to(run_dir) else checkpoint)


def _regularizers(trainer: pl.Trainer) -> list[Regularizer]:
    return [callback for callback in trainer.callbacks if isinstance(callback, Regularizer)]  # type: ignore[attr-defined]


def _attack_records(predictions: list[Prediction], trainer: pl.Trainer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, AdversarialEvaluation):
            for name, recipe in callback.attacks.items():
                results = [
                    prediction.result for prediction in predictions if prediction.attack == name and prediction.result
                ]
                settings = {"seed": global_seed(), "max_examples": callback.max_examples, "languages": None}
                found[name] = attack_record(recipe, results, callback.seconds.get(name, 0.0)) | settings
    return found


def _suite_records(evaluation: MultilingualEvaluation, trainer: pl.Trainer) -> dict[str, Any]:
    """The records of suites; of those that were run until an attack broke the example, with what that cost."""
    records = dict(evaluation.suites)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, AdversarialEvaluation) and callback.suite and callback.suite_mode == "robust":
            suite, name = callback.suite, robust_name(callback.suite.name)
            results = [each.result for each in evaluation.predictions if each.attack == name and each.result]
            covered = {each.set_index for each in evaluation.predictions if each.attack == name}
            sets = [trainer.datamodule.test_sets[at] for at in sorted(covered)]  # type: ignore[attr-defined]
            settings = {"seed": global_seed(), "max_examples": callback.max_examples, "languages": None}
            together = together_record(suite, results, callback.seconds.get(name, 0.0)) | settings
            records[suite.name] |= {"together": together | suite_caveat(suite, sets)}
    return records
