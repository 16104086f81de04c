"""The weight of a term by the share that its gradient has of the task's, and the gradients' norms that it is set by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class GradientShare:
    """In place of a term's weight: weighted, the term's gradient at the encoder's output has this share of the task's.

    The weight is share · √(Σ ‖g_task‖² / Σ ‖g_term‖²), with sums over the first ``steps`` optimizer steps in which the
    term is trained together with the task, and is fixed after these. Until then it is the same with sums over the steps
    so far, the present one included. g is the gradient with respect to all outputs of the encoder in a step, in all
    batches that are accumulated and on all devices: vectors of tokens, shape (B, T, H), of every pass that the quantity
    depends on. The task is the task's part of the loss, to which a term belongs that stands in for (a part of) it, such
    as an adversarial loss.

    Args:
        share: of the norm of the task's gradient, √Σ ‖g_task‖².
        steps: N, the number of optimizer steps that are measured.

    Raises:
        ValueError: if the share is not positive and finite, or there are no steps.
    """

    share: float
    steps: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.share < math.inf:
            raise ValueError(f"Expected argument `share` to be positive and finite, but got {self.share}.")
        if self.steps < 1:
            raise ValueError(f"Expected argument `steps` to be at least 1, but got {self.steps}.")


Weight = float | GradientShare


@dataclass(kw_only=True)
class MeasuredShare:
    """What has been measured of the gradients of a term and of the task; goes into checkpoints as a dictionary.

    Args:
        share: that the weight is set by; None if the weight is ``fixed``.
        fixed: the weight, if it is not set by a share.
        steps: N, the number of optimizer steps to measure.
        measured: those measured so far.
        last_step: the number of the last one in the training.
        task, term: sums over these steps of the squared norms of the gradients.
    """

    share: float | None
    fixed: float | None
    steps: int
    measured: int = 0
    last_step: int = -1
    task: float = 0.0
    term: float = 0.0

    @classmethod
    def by(cls, weight: Weight, steps: int) -> MeasuredShare:
        """Nothing measured yet; ``steps`` is for fixed weights, a share has its own."""
        if isinstance(weight, GradientShare):
            return cls(share=weight.share, fixed=None, steps=weight.steps)
        return cls(share=None, fixed=weight, steps=steps)

    def sets(self, weight: Weight) -> bool:
        """Whether it has been measured for this weight."""
        return weight == (self.fixed if self.share is None else GradientShare(share=self.share, steps=self.steps))

    def open(self, step: int) -> bool:
        """Whether a batch of this optimizer step is to be measured, which may have several batches."""
        return self.measured < self.steps or (step == self.last_step and self.steps > 0)

    def add(self, step: int, task: float, term: float) -> None:
        """Adds the squared norms of a batch's gradients."""
        if step != self.last_step:
            self.measured, self.last_step = self.measured + 1, step
        self.task, self.term = self.task + task, self.term + term

    @property
    def weight(self) -> float:
        """The term's weight by what has been measured; 0 as long as that is no gradient."""
        if self.share is None:
            assert self.fixed is not None
            return self.fixed
        return self.share * math.sqrt(self.task / self.term) if self.term else 0.0

    def record(self) -> dict[str, Any]:
        """For ``results.json``: the weight, the share that it gives the term over the steps measured (None if the task
        had no gradient), and the root mean squares over these steps of both gradients' norms before weighting.
        """
        task, term = (math.sqrt(total / max(1, self.measured)) for total in (self.task, self.term))
        return {
            "weight": self.weight,
            "share": self.weight * term / task if task else None,
            "weight_given": self.fixed is not None,
            "steps": self.measured,
            "of_steps": self.steps,
            "task_gradient": task,
            "term_gradient": term,
        }
