"""The progress of a training, in steps or in encoder passes, its cost, and its end when a budget is used up."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pytorch_lightning as pl
import torch

from xltrobust.models.passes import PLAIN, PassCounter, Passes


class ComputeBudget(pl.LightningModule):
    """The part of :class:`RobustClassifier` that counts encoder passes and ends the training when a budget is used up.

    The unit of the budget is the cost of one plain pass over the training set, forward and backward: five epochs
    without regularizers cost five, and a method whose steps cost twice as much gets half as many steps.
    """

    max_passes: float | None

    def __init__(self) -> None:
        super().__init__()
        self.passes = PassCounter()
        self.train_tokens = 0  # tokens in the training set
        self._earlier = Passes()  # passes of all devices before the training was resumed
        self.used_passes = 0.0  # of the budget, in plain passes, after the last optimizer step
        self.task_steps = 0  # optimizer steps with a task loss
        self.task_examples = 0  # labelled examples in it, on this device
        self._earlier_examples = 0  # on all devices, before the training was resumed
        self._task_known = True  # earlier versions did not keep these two numbers in checkpoints

    def total_passes(self) -> Passes:
        """Tokens passed through the encoder in training so far, on all devices; every device has to call it."""
        return self._earlier.plus(Passes(*self._summed(self.passes.counts)))

    def total_examples(self) -> int:
        """Labelled examples that the task loss has seen so far, on all devices, each as often as it was seen; every
        device has to call it.
        """
        return self._earlier_examples + self._summed(torch.tensor([self.task_examples]))[0]

    def _summed(self, counts: torch.Tensor) -> list[int]:
        """The sums of integers over devices."""
        own = counts.to(self.device, copy=True)  # the reduction is in place
        total = own if self._trainer is None else self.trainer.strategy.reduce(own, reduce_op="sum")
        return total.tolist()  # type: ignore[union-attr]

    def training_cost(self) -> dict[str, float]:
        """The cost of training so far, for ``results.json``. Every device has to call it.

        Returns:
            Tokens by kind of pass, how many plain passes over the training set cost as much, the optimizer steps with a
            task loss (``task_steps``) and the labelled examples in it (``task_examples``). The last two are left out
            where the training was begun by a version that did not count them.
        """
        total, examples = self.total_passes(), self.total_examples()
        cost: dict[str, float] = {f"{kind}_tokens": number for kind, number in total._asdict().items()}
        cost |= {"train_tokens": self.train_tokens, "plain_passes": self._in_plain_passes(total)}
        return cost | ({"task_steps": self.task_steps, "task_examples": examples} if self._task_known else {})

    def _in_plain_passes(self, passes: Passes) -> float:
        """The number of plain passes over the training set that cost as much."""
        return passes.equivalents / (PLAIN.equivalents * self.train_tokens) if self.train_tokens else 0.0

    def passes_so_far(self) -> float:
        """The cost of training in plain passes, from this device's count alone: near enough to draw curves over."""
        devices = self.trainer.world_size if self._trainer is not None else 1
        own = Passes(*(devices * count for count in self.passes.counts.tolist()))
        return self._in_plain_passes(self._earlier.plus(own))

    @property
    def progress(self) -> float:
        """The share of the training that is done, from 0 to 1: of the budget or, without one, of the steps."""
        if self.max_passes is not None:
            return min(1.0, self.used_passes / self.max_passes)
        return min(1.0, self.trainer.global_step / self.planned_steps)

    @cached_property
    def planned_steps(self) -> int:
        """Optimizer steps of a training without a budget."""
        return max(1, int(self.trainer.estimated_stepping_batches))

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        self._measure()
        super().lr_scheduler_step(scheduler, metric)
        self._stop_at_budget()  # before the step's checkpoint, which depends on whether a validation follows

    def _measure(self) -> None:
        if self.max_passes is not None:
            self.used_passes = self._in_plain_passes(self.total_passes())

    def _stop_at_budget(self) -> None:
        if self.max_passes is not None and self.used_passes >= self.max_passes:
            self.trainer.should_stop = True

    def on_train_start(self) -> None:
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        self.train_tokens = data.train_tokens if data is not None else 0
        # A run that had used up its budget and was killed during the test would otherwise go on training.
        self._measure()
        self._stop_at_budget()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["passes"] = {"counts": list(self.total_passes()), "train_tokens": self.train_tokens}
        if self._task_known:
            checkpoint["passes"] |= {"task_steps": self.task_steps, "task_examples": self.total_examples()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        # The best checkpoint, loaded for the test, holds fewer passes than the run has counted by then.
        if (stored := checkpoint.get("passes")) and not self.train_tokens:
            self._earlier, self.train_tokens = Passes(*stored["counts"]), stored["train_tokens"]
            self._task_known = "task_steps" in stored
            self.task_steps, self._earlier_examples = stored.get("task_steps", 0), stored.get("task_examples", 0)
