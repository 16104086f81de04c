"""Validation and test in many languages: one metric for all loaders, and a record of every prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric

from xltrobust.errors import UserError
from xltrobust.evaluation.predictions import Prediction
from xltrobust.example import EvaluationSet
from xltrobust.metrics.confusion import MultilingualConfusion, accuracy, macro_f1
from xltrobust.metrics.coverage import WORST, worst_answers
from xltrobust.metrics.figures import CHOSEN_BY, adversarial_figures, averages, clean_figures
from xltrobust.perturb.base import AttackResult


class NonFiniteLogits(UserError, RuntimeError):
    """The model's weights are spoilt: it answers NaN."""


class MultilingualEvaluation(pl.LightningModule):
    """The evaluation half of :class:`RobustClassifier`."""

    labels: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.predictions: list[Prediction] = []  # this device's share
        self.figures: dict[str, float] = {}
        # One entry an epoch: for the oracle, which is reported and never used.
        self.validation_history: list[dict[str, float]] = []
        self._attacked_dev: dict[str, float] = {}  # on the source dev set, in this epoch

    def _counter(self, sets: Sequence[EvaluationSet]) -> MultilingualConfusion:
        return MultilingualConfusion(len(sets), len(self.labels)).to(self.device)

    @property
    def _data(self) -> Any:
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def _classify(self, batch: dict[str, Any]) -> Tensor:
        logits = self(batch).logits.float()
        if not torch.isfinite(logits).all():
            raise NonFiniteLogits(
                "The model answers NaN: training has spoilt its weights. Lower the learning rates. "
                "The last good checkpoint is kept."
            )
        return logits

    # Validation

    def on_validation_epoch_start(self) -> None:
        self._confusion = self._counter(self._data.validation_sets)
        self._loss = MeanMetric().to(self.device)

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> None:
        logits = self._classify(batch)
        self._confusion.update(logits.argmax(1), batch["labels"], torch.full_like(batch["labels"], dataloader_idx))
        if dataloader_idx == 0:  # the source
            self._loss.update(F.cross_entropy(logits, batch["labels"], reduction="none"))

    def on_validation_epoch_end(self) -> None:
        confusion = self._confusion.compute()
        names = [own.name for own in self._data.validation_sets]
        values = dict(zip(names, accuracy(confusion).tolist(), strict=True))
        source = self._data.source
        epoch = {"epoch": float(self.current_epoch), "source_acc": values[source], **self._attacked_dev}
        self._attacked_dev = {}
        if "avg" in (means := averages(values, source)):
            epoch["target_acc"] = means["avg"]
        # The figures are equal on all devices; sync_dist only tells Lightning so.
        self.log_dict({f"val/acc/{name}": value for name, value in values.items()}, sync_dist=True)
        self.log("val/source_acc", values[source], prog_bar=True, sync_dist=True)
        self.log("val/source_f1", macro_f1(confusion)[names.index(source)].item(), sync_dist=True)
        self.log("val/loss", self._loss.compute(), sync_dist=True)
        if not self.trainer.sanity_checking:
            self.validation_history = [*self.validation_history, epoch]
            self.log_dict({f"oracle/{name}": value for name, value in self.oracle().items()}, sync_dist=True)

    def record_attacked_validation(self, name: str, source_acc: float) -> None:
        """Keeps accuracy on the attacked source dev set, which the epoch may be chosen by."""
        self._attacked_dev[f"source_adv_acc/{name}"] = source_acc

    def chosen_by(self) -> str:
        """The figure that the best checkpoint is the best by."""
        monitors = [getattr(callback, "monitor", None) for callback in self.trainer.checkpoint_callbacks]
        return next((monitor for monitor in monitors if monitor), CHOSEN_BY)

    def oracle(self) -> dict[str, float]:
        """What choosing the epoch by the *targets'* dev sets would have given, beside what choosing by the source gave.

        The difference says how much a checkpoint chosen without target labels leaves lying (Keung et al., 2020).
        """
        name = self.chosen_by().removeprefix("val/")
        known = [epoch for epoch in self.validation_history if "target_acc" in epoch]
        if not known:
            return {}
        best = max(known, key=lambda epoch: epoch["target_acc"])
        figures = {"best_target_dev_acc": best["target_acc"], "best_epoch": best["epoch"]}
        if candidates := [epoch for epoch in known if name in epoch]:
            chosen = max(candidates, key=lambda epoch: epoch[name])
            figures |= {"chosen_target_dev_acc": chosen["target_acc"], "chosen_epoch": chosen["epoch"]}
        return figures

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["validation_history"] = self.validation_history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # The best checkpoint, loaded for the test, knows less than the run that goes on to test it.
        stored = checkpoint.get("validation_history", [])
        if len(stored) > len(self.validation_history):
            self.validation_history = stored

    # Test

    def on_test_epoch_start(self) -> None:
        self.predictions, self.figures = [], {}
        self._confusion = self._counter(self._data.test_sets)
        self._attacked: dict[str, dict[tuple[int, int], int]] = {}

    def test_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> None:
        classes = self._classify(batch).argmax(1)
        self._confusion.update(classes, batch["labels"], torch.full_like(classes, dataloader_idx))
        answers = zip(batch["index"].tolist(), classes.tolist(), strict=True)
        self.predictions += [Prediction(dataloader_idx, index, answer) for index, answer in answers]

    def record_attack(self, attack: str, set_index: int, results: dict[int, AttackResult]) -> None:
        """Takes what an attack did to this device's share of a test set.

        Every device calls it for every attack and set, with an empty share too: counts are summed over devices.

        Args:
            attack: the attack's name.
            set_index: which of the data module's ``test_sets``.
            results: by index of the example.
        """
        answers = self._attacked.setdefault(attack, {})
        for index, result in results.items():
            answers[set_index, index] = result.prediction
            self.predictions.append(Prediction(set_index, index, result.prediction, attack, result))

    def on_test_epoch_end(self) -> None:
        answers = self._attacked
        if len(answers) > 1:  # an example's attacks are all on one device
            answers = answers | {WORST: worst_answers(answers, self._label)}
        originals = self._clean_answers() if answers else {}
        # Every device computes and logs every language: a rank that skipped one would hang the others.
        clean = self._confusion.compute()
        attacked = {attack: self._counts(own) for attack, own in answers.items()}
        before = {
            attack: self._counts({place: originals[place] for place in own if place in originals})
            for attack, own in answers.items()
        }
        by_split: dict[str, list[int]] = {}
        for position, each in enumerate(self._data.test_sets):
            by_split.setdefault(each.split, []).append(position)
        for split, positions in by_split.items():
            place = ([self._data.test_sets[i].name for i in positions], self._data.source, split)
            self.figures |= clean_figures(clean[positions], *place)
            own, own_before = ({name: kind[name][positions] for name in answers} for kind in (attacked, before))
            self.figures |= adversarial_figures(own, own_before, *place)
        self.log_dict(self.figures, sync_dist=True)

    def _label(self, place: tuple[int, int]) -> int:
        return int(self._data.test_sets[place[0]].examples[place[1]].label)

    def _counts(self, answers: dict[tuple[int, int], int]) -> Tensor:
        """Counts of all devices' answers, by set and index of the example: shape (sets, classes, classes)."""
        metric = self._counter(self._data.test_sets)
        columns = [*answers.values()], [self._label(place) for place in answers], [at for at, _ in answers]
        metric.update(*(torch.tensor(own, dtype=torch.long, device=self.device) for own in columns))
        return metric.compute()

    def _clean_answers(self) -> dict[tuple[int, int], int]:
        """The classes of the clean texts, of all devices: an example is attacked on another than it is tested on."""
        own = {(p.set_index, p.index): p.prediction for p in self.predictions if p.attack is None}
        if self.trainer.world_size == 1:
            return own
        shares: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(shares, own)
        return {place: answer for share in shares for place, answer in share.items()}
