"""Validation and test in many languages: one metric for all loaders, and a record of every prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics import MeanMetric

from xltrobust.errors import UserError
from xltrobust.evaluation.from_rows import attacked_figures_of, clean_figures_of
from xltrobust.evaluation.history import ValidationHistory
from xltrobust.evaluation.predictions import Prediction, Row, prediction_rows
from xltrobust.metrics.confusion import MultilingualConfusion, accuracy, macro_f1
from xltrobust.metrics.figures import averages
from xltrobust.models.objective import Objective
from xltrobust.perturb.base import AttackResult


class NonFiniteLogits(UserError, RuntimeError):
    """The model's weights are spoilt: its logits are NaN or infinite."""


class MultilingualEvaluation(pl.Callback):
    """Scores the validation and the test in every language, and records every test prediction.

    Figures are named ``val/acc/{language}`` and ``test/{acc,f1,majority}/{language}``; see
    :mod:`xltrobust.metrics.figures`. Other callbacks add to it before it logs (attacks, measures of alignment), so it
    has to stand after them in the trainer's list.

    Attributes:
        predictions: of the last test, clean and attacked, from all devices.
        rows: the same as rows of ``predictions.parquet``, in order.
        figures: of the last test.
        suites: records of the suites of attacks of the last test, by name.
        history: accuracies of every validated epoch.
    """

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.rows: list[Row] = []
        self.figures: dict[str, float] = {}
        self.suites: dict[str, Any] = {}
        self.history = ValidationHistory()
        self._attacked_dev: dict[str, float] = {}  # accuracy on the attacked source dev set in this epoch, by attack

    @classmethod
    def of(cls, trainer: pl.Trainer, *, before: pl.Callback | None = None) -> MultilingualEvaluation:
        """The trainer's evaluation.

        Args:
            trainer: any.
            before: a callback that adds to the evaluation, and has to stand before it.

        Raises:
            UserError: if the trainer has none, or it stands before that callback.
        """
        callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
        found = next((callback for callback in callbacks if isinstance(callback, cls)), None)
        if found is None:
            raise UserError(f"trainer.callbacks: there is no {cls.__name__}; add one at the end of the list.")
        if before is not None and callbacks.index(before) > callbacks.index(found):
            name = type(before).__name__
            raise UserError(f"trainer.callbacks: {cls.__name__} has to stand after {name}, whose figures it logs.")
        return found

    # Its state, and where it comes from: checkpoints

    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict) -> None:
        self.history.take_from(checkpoint)
        self._keep_history(pl_module)

    def _keep_history(self, pl_module: pl.LightningModule) -> None:
        """Leaves the history where all checkpoints find it: those of weights alone hold no state of callbacks."""
        if (notes := getattr(pl_module, "checkpoint_notes", None)) is not None:
            notes["validation_history"] = self.history.epochs

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.history.chosen_by = next(
            (name for callback in trainer.checkpoint_callbacks if (name := getattr(callback, "monitor", None))),
            self.history.chosen_by,
        )

    # Validation

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._confusion = MultilingualConfusion(len(_data(trainer).validation_sets), len(_data(trainer).labels))
        self._confusion.to(pl_module.device)
        self._loss = MeanMetric().to(pl_module.device)

    def on_validation_batch_end(  # type: ignore[override]
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: dict[str, Tensor],
        batch: dict[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        logits = _checked(outputs["logits"])
        objective: Objective = pl_module.objective  # type: ignore[assignment]
        counted = batch["labels"] >= 0
        labels, answers = batch["labels"][counted], objective.answers(logits)[counted]
        self._confusion.update(answers, labels, torch.full_like(labels, dataloader_idx))
        if dataloader_idx == 0:  # the source
            self._loss.update(objective.loss(logits, batch["labels"], "none"))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        confusion, data = self._confusion.compute(), _data(trainer)
        names = [evaluation_set.name for evaluation_set in data.validated_now()]
        confusion = confusion[: len(names)]  # without the targets, where they are not due
        values = dict(zip(names, accuracy(confusion).tolist(), strict=True))
        epoch = {"epoch": float(trainer.current_epoch), "source_acc": values[data.source], **self._attacked_dev}
        self._attacked_dev = {}
        if "avg" in (means := averages(values, data.source)):
            epoch["target_acc"] = means["avg"]
        # The figures are equal on all devices; sync_dist only tells Lightning so.
        pl_module.log_dict({f"val/acc/{name}": value for name, value in values.items()}, sync_dist=True)
        pl_module.log("val/source_acc", values[data.source], prog_bar=True, sync_dist=True)
        pl_module.log("val/source_f1", macro_f1(confusion)[names.index(data.source)].item(), sync_dist=True)
        pl_module.log("val/loss", self._loss.compute(), sync_dist=True)
        if not trainer.sanity_checking:
            self.history.add(epoch)
            self._keep_history(pl_module)
            oracle = self.history.oracle()
            pl_module.log_dict({f"oracle/{name}": value for name, value in oracle.items()}, sync_dist=True)

    def record_attacked_validation(self, attack: str, source_acc: float) -> None:
        """Keeps accuracy on the attacked source dev set, by which the epoch may be chosen."""
        self._attacked_dev[f"source_adv_acc/{attack}"] = source_acc

    # Test

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.history.take_from_file(trainer.ckpt_path)

    def on_test_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.predictions, self.rows, self.figures, self.suites = [], [], {}, {}

    def on_test_batch_end(  # type: ignore[override]
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: dict[str, Tensor],
        batch: dict[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        objective: Objective = pl_module.objective  # type: ignore[assignment]
        answers = objective.answers(_checked(outputs["logits"]))
        counted = batch["labels"] >= 0
        for index, answer, counts in zip(batch["index"].tolist(), answers, counted, strict=True):
            given = tuple(answer[counts].tolist()) if answer.ndim else int(answer)
            self.predictions.append(Prediction(dataloader_idx, index, given))

    def record_attack(self, attack: str, results: dict[tuple[int, int], AttackResult]) -> None:
        """Takes what an attack did to this device's share of the test sets.

        Args:
            attack: the attack's name.
            results: by the number of the data module's test set, and the example's in it.
        """
        self.predictions += [
            Prediction(at, index, result.prediction, attack, result) for (at, index), result in results.items()
        ]

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # An example may be attacked on another device than it is tested on: every device counts all of them.
        self.predictions = _of_all_devices(self.predictions, trainer.world_size)
        data = _data(trainer)
        self.rows = prediction_rows(self.predictions, data.test_sets)
        about = {"labels": data.labels, "source": data.source, "suites": self.suites}
        for count in (clean_figures_of, attacked_figures_of):
            self.figures |= count(self.rows, data.test_sets, about)
        pl_module.log_dict(self.figures, sync_dist=True)


def _data(trainer: pl.Trainer) -> Any:
    return trainer.datamodule  # type: ignore[attr-defined]


def _checked(logits: Tensor) -> Tensor:
    logits = logits.float()
    if not torch.isfinite(logits).all():
        raise NonFiniteLogits(
            "The model answers NaN: training has spoilt its weights. Lower the learning rates. "
            "The last good checkpoint is kept."
        )
    return logits


def _of_all_devices(share: Sequence[Prediction], world_size: int) -> list[Prediction]:
    if world_size == 1:
        return list(share)
    shares: list[Any] = [None] * world_size
    torch.distributed.all_gather_object(shares, share)
    return [prediction for each in shares for prediction in each]
