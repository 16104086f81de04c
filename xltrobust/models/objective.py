"""What a task learns: its loss and its answers, from logits. A task other than classification brings an objective of
its own (``RobustClassifier.objective``); training, regularizers and the clean test ask nothing else.
"""

from __future__ import annotations

from typing import Literal, Protocol

from torch import Tensor
from torch.nn import functional as F

from xltrobust.models.network import Batch

Reduction = Literal["mean", "sum", "none"]


class Objective(Protocol):
    """The loss and the answers of a task with C classes.

    Logits and labels have the shape that the task gives them: (B, C) and (B,) for one label an example, or (B, T, C)
    and (B, T) for one a token. Labels below 0 stand for none. N is the number of predictions that count, such as tokens
    with a label.
    """

    def loss(self, logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
        """The loss over the predictions that count: their mean or sum, or one value each, shape (N,)."""

    def answers(self, logits: Tensor) -> Tensor:
        """The predicted classes, of the shape of labels."""

    def scored(self, logits: Tensor, batch: Batch) -> Tensor:
        """The logits of the predictions that count, one a row, shape (N, C).

        Regularizers compare the predictions for a text with those for a perturbed one row by row, so both have to have
        the same rows in the same order. ``batch`` is the batch that the logits are of; a view of the texts
        (``batch["views"][name]``) has no labels unless the data put them there.
        """


class Classification:
    """One label an example: cross entropy, and the class of the largest logit."""

    def loss(self, logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
        return F.cross_entropy(logits, labels, reduction=reduction)

    def answers(self, logits: Tensor) -> Tensor:
        return logits.argmax(-1)

    def scored(self, logits: Tensor, batch: Batch) -> Tensor:
        return logits
