"""The weights of the loss's terms, and the measurement of gradients at the encoder's output that shares are set by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.gradient_share import GradientShare, MeasuredShare
from xltrobust.models.loss_term import LossTerm
from xltrobust.models.regularized import Regularized

_STATE = "gradient_shares"  # in checkpoints


class _Found(NamedTuple):
    """The squared norm of a quantity's gradient at the encoder's output, whether it has one, and whether it exists."""

    square: float
    depends: bool
    there: bool


class TermWeights(Regularized):
    """The part of :class:`RobustClassifier` that weighs the terms of the loss.

    A measurement costs a backward pass of the term and one of the task from the loss to the encoder's output, through
    the head alone; the encoder's passes stay the same.

    Attributes:
        measure_shares: the number of first steps in which the gradients of terms with a fixed weight are measured too.
        measured_shares: what has been measured, by the terms' names.
    """

    measure_shares = 0

    def __init__(self) -> None:
        super().__init__()
        self.measured_shares: dict[str, MeasuredShare] = {}
        self._outputs: list[Tensor] | None = None  # of the encoder in a batch that is measured
        self._announced: set[str] = set()

    def register_regularizer(self, regularizer: LossTerm) -> None:
        """
        Raises:
            IncompatibleRegularizer: if its weight is a share of the task's gradient and it is trained without the task.
        """
        if isinstance(regularizer.weight, GradientShare):
            name, share = regularizer.name, "`weight` is a share of the task's gradient"
            if regularizer.pretraining_share:
                raise IncompatibleRegularizer(
                    f"{name}: {share}, but with `pretraining_share` it is trained before the task: give a number."
                )
            if not regularizer.task_share:
                raise IncompatibleRegularizer(
                    f"{name}: {share}, but it takes the whole place of the task's loss: give a number, or leave the "
                    "task a share of the loss (`clean_share`) where it has that option."
                )
        super().register_regularizer(regularizer)

    # In a batch: the encoder's outputs are noted, then the terms are weighed

    def note_outputs(self, active: Sequence[LossTerm]) -> None:
        """Begins a batch: if the gradient of one of its terms is to be measured, the encoder's outputs are kept.

        Raises:
            IncompatibleRegularizer: if a term that a share is set for had no gradient in all steps measured.
        """
        self._outputs = [] if any(self._measures(term) for term in active) else None
        for term in active:
            if (own := self._measured(term)) and not self._measures(term) and term.name not in self._announced:
                self._announced.add(term.name)
                self._announce(term.name, own)

    def note_output(self, hidden: Tensor) -> None:
        """Keeps an output of the encoder, shape (B, T, H), where it is to be measured."""
        if self._outputs is not None and torch.is_grad_enabled():
            self._outputs.append(hidden if hidden.requires_grad else hidden.requires_grad_())  # the encoder is frozen

    def term_weights(
        self, active: Sequence[LossTerm], terms: Mapping[str, Tensor], task: Tensor | None
    ) -> dict[str, float]:
        """The weights of a batch's terms, by name; they are logged where they are set by shares.

        Args:
            active: the regularizers whose terms are trained now.
            terms: their terms of this batch that are not None.
            task: the task's part of the loss; None if it has none.

        Raises:
            IncompatibleRegularizer: if a share is set for a term and that, or the task's part of the loss, does not
                depend on the encoder's output.
        """
        outputs, self._outputs = self._outputs, None
        weights: dict[str, float] = {}
        of_task: _Found | None = None
        for regularizer in sorted(active, key=lambda own: own.task_share >= 1):  # first what is a part of the task
            name, term = regularizer.name, terms.get(regularizer.name)
            if outputs is not None and self._measures(regularizer):
                of_task = self._squared_gradient(task, outputs) if of_task is None else of_task
                self._add(regularizer, of_task, self._squared_gradient(term, outputs))
            own = self._measured(regularizer)
            weights[name] = own.weight if own else regularizer.weight  # type: ignore[assignment]
            if isinstance(regularizer.weight, GradientShare):
                self.log(f"train/{name}_weight", weights[name])
            if regularizer.task_share < 1 and term is not None:
                part, of_task = weights[name] * term, None
                task = part if task is None else task + part
        return weights

    def _measured(self, regularizer: LossTerm) -> MeasuredShare | None:
        """What has been measured of a term; None if that is not to be measured."""
        shared = isinstance(regularizer.weight, GradientShare)
        if not shared and not (self.measure_shares and regularizer.task_share):
            return None
        known = self.measured_shares.get(regularizer.name)
        if known is None or not known.sets(regularizer.weight):  # a checkpoint's may be of another weight
            known = MeasuredShare.by(regularizer.weight, self.measure_shares)
            self.measured_shares[regularizer.name] = known
        return known

    def _measures(self, regularizer: LossTerm) -> bool:
        own = self._measured(regularizer)
        return own is not None and own.open(self.trainer.global_step)

    def _squared_gradient(self, quantity: Tensor | None, outputs: Sequence[Tensor]) -> _Found:
        """The squared norm of a gradient at the encoder's outputs on all devices; every device has to call it."""
        scale = self.loss_scale
        while True:
            found: Any = self._own_squared_gradient(quantity, outputs, scale)
            square, depends, there = self.trainer.strategy.reduce(found, reduce_op="sum").tolist()  # type: ignore[union-attr]
            if math.isfinite(square) or scale <= 1:
                return _Found(square, bool(depends), bool(there))
            # float16 overflowed. The step's own scale need not be lowered, for its loss has another weight.
            scale = max(1.0, scale / 2**8)

    def _own_squared_gradient(self, quantity: Tensor | None, outputs: Sequence[Tensor], scale: float) -> Tensor:
        """This device's share of the three figures: the square, and whether there is a gradient, and a quantity."""
        found = torch.zeros(3, device=self.device)
        if quantity is None or not quantity.requires_grad:
            return found
        found[2] = 1
        with self.passes.uncounted():  # it ends before the encoder
            gradients = torch.autograd.grad(quantity * scale, outputs, retain_graph=True, allow_unused=True)
        for gradient in gradients:
            if gradient is not None:
                norm = torch.linalg.vector_norm(gradient, dtype=torch.float32) / scale
                found[:2] += torch.stack([norm.square(), torch.ones_like(norm)])
        return found

    def _add(self, regularizer: LossTerm, task: _Found, term: _Found) -> None:
        """Adds the measurement of a batch, unless it has no such term, or its gradient is not finite."""
        own = self.measured_shares[regularizer.name]
        if not term.there:
            return
        if not (task.depends and term.depends):
            if isinstance(regularizer.weight, GradientShare):
                what = "the loss that stands in for the task's" if term.depends else "the term"
                raise IncompatibleRegularizer(
                    f"{regularizer.name}: `weight` is a share of the task's gradient at the encoder's output, where "
                    f"{what} has none: give a number."
                )
            own.steps = own.measured  # there is nothing to be measured
        elif math.isfinite(task.square) and math.isfinite(term.square):
            # The loss of a step is the mean over its batches and devices.
            parts = (self.trainer.accumulate_grad_batches * self.trainer.world_size) ** 2
            own.add(self.trainer.global_step, task.square / parts, term.square / parts)
            if task.square:
                self.log(f"train/{regularizer.name}_share", own.weight * math.sqrt(term.square / task.square))

    def _announce(self, name: str, own: MeasuredShare) -> None:
        found = own.record()
        if found["share"] is None or not found["weight"]:
            if own.share is not None:
                raise IncompatibleRegularizer(
                    f"{name}: `weight` is a share of the task's gradient, but the gradient of the term or the task was "
                    f"0 in all {own.steps} steps in which it was measured: give a number."
                )
            return
        rank_zero_info(
            f"{name}: weight {found['weight']:.4g}, a share of {found['share']:.3g} of the task's gradient at the "
            f"encoder's output (norms over {own.measured} steps: task {found['task_gradient']:.3g}, term "
            f"{found['term_gradient']:.3g})."
        )

    # Checkpoints and results

    def share_records(self) -> dict[str, dict[str, Any]]:
        """What ``results.json`` has of measured gradients, by the terms' names."""
        return {name: own.record() for name, own in self.measured_shares.items()}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint[_STATE] = {name: asdict(own) for name, own in self.measured_shares.items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        for name, stored in (checkpoint.get(_STATE) or {}).items():
            own = self.measured_shares.get(name)
            # The best checkpoint, loaded for the test, may be from before the end of the measurement.
            if own is None or stored["measured"] >= own.measured:
                self.measured_shares[name] = MeasuredShare(**stored)
