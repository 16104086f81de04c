"""What every validated epoch was worth, and what an oracle that sees the targets' dev sets would have chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from xltrobust.metrics.figures import CHOSEN_BY
from xltrobust.reading import checkpoint_errors

Epoch = dict[str, float]


@dataclass
class ValidationHistory:
    """Accuracies on the dev sets by epoch: of the source, of the targets on average, of the source under attack.

    Args:
        epochs: one entry an epoch: ``epoch``, ``source_acc``, ``target_acc`` (if the targets were validated on) and
            ``source_adv_acc/{attack}`` (if dev examples were attacked).
        chosen_by: the logged figure that the best checkpoint is the best by.
    """

    epochs: list[Epoch] = field(default_factory=list)
    chosen_by: str = CHOSEN_BY

    def add(self, epoch: Epoch) -> None:
        """Adds an epoch."""
        self.epochs = [*self.epochs, epoch]

    def take(self, epochs: Sequence[Epoch]) -> None:
        """Takes a checkpoint's history, unless this one goes further.

        The best checkpoint, loaded for the test, knows less than the run that goes on to test it.
        """
        if len(epochs) > len(self.epochs):
            self.epochs = list(epochs)

    def take_from(self, checkpoint: Mapping[str, Any]) -> None:
        """Takes the history that a checkpoint holds."""
        self.take(checkpoint.get("validation_history") or [])

    def take_from_file(self, path: Any) -> None:
        """The same from a checkpoint's file; without one, or when this history goes further already, nothing is read.

        Lightning shows checkpoints to callbacks when a training goes on, and not for a test.

        Raises:
            UserError: if the file is damaged.
        """
        if path is None or self.epochs:
            return
        with checkpoint_errors(path):
            self.take_from(torch.load(path, map_location="cpu", weights_only=True, mmap=True))

    def oracle(self) -> dict[str, float]:
        """What choosing the epoch by the *targets'* dev sets would have given, beside what choosing by the source gave.

        The difference says how much a checkpoint that is chosen without target labels gives away (Keung et al., 2020).
        It is reported and never used. If the targets were validated on after some epochs only, it is the best of those,
        and what choosing by the source gave is left out if the epoch chosen is not among them.
        """
        name = self.chosen_by.removeprefix("val/")
        known = [epoch for epoch in self.epochs if "target_acc" in epoch]
        if not known:
            return {}
        best = max(known, key=lambda epoch: epoch["target_acc"])
        figures = {"best_target_dev_acc": best["target_acc"], "best_epoch": best["epoch"]}
        chosen = max((epoch for epoch in self.epochs if name in epoch), key=lambda epoch: epoch[name], default={})
        if "target_acc" in chosen:
            figures |= {"chosen_target_dev_acc": chosen["target_acc"], "chosen_epoch": chosen["epoch"]}
        return figures
