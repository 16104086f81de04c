"""Accuracy and macro-F1 of many languages from one metric, which holds a confusion matrix per language."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


def _confusion_update(
    predictions: Tensor, labels: Tensor, languages: Tensor, num_languages: int, classes: int
) -> Tensor:
    """Counts of shape (L, C, C), label by prediction, from vectors of shape (N,)."""
    cells = (languages * classes + labels) * classes + predictions
    return torch.bincount(cells, minlength=num_languages * classes**2).reshape(num_languages, classes, classes)


def accuracy(confusion: Tensor) -> Tensor:
    """Share of correct predictions, shape (L,), from confusion matrices of shape (L, C, C); NaN without examples.

    >>> accuracy(torch.tensor([[[3, 1], [0, 4]]]))
    tensor([0.8750], dtype=torch.float64)
    """
    counts = confusion.double()
    return counts.diagonal(dim1=1, dim2=2).sum(1) / counts.sum((1, 2))


def macro_f1(confusion: Tensor) -> Tensor:
    """Mean F1, shape (L,), over the classes that occur as label or prediction (scikit-learn's convention).

    >>> macro_f1(torch.tensor([[[2, 0, 0], [1, 1, 0], [0, 0, 0]]])).round(decimals=4)
    tensor([0.7333], dtype=torch.float64)
    """
    counts = confusion.double()
    both = counts.sum(1) + counts.sum(2)
    f1 = 2 * counts.diagonal(dim1=1, dim2=2) / both
    return torch.where(both > 0, f1, 0.0).sum(1) / (both > 0).sum(1)


def majority(confusion: Tensor) -> Tensor:
    """Accuracy, shape (L,), of always giving the most frequent label: the best that a constant prediction can do.

    >>> majority(torch.tensor([[[3, 1], [0, 6]]]))
    tensor([0.6000], dtype=torch.float64)
    """
    counts = confusion.double().sum(2)
    return counts.max(1).values / counts.sum(1)


def shared_labels(confusion: Tensor) -> Tensor:
    """Whether each label occurs in every language, shape (C,), bool."""
    return (confusion.sum(2) > 0).all(0)


class MultilingualConfusion(Metric):
    """A confusion matrix per language, summed over devices, so that the number of devices makes no difference.

    Args:
        num_languages: L, the number of languages (or language pairs).
        num_classes: C, the number of classes.

    Example:
        >>> metric = MultilingualConfusion(num_languages=2, num_classes=2)
        >>> metric.update(torch.tensor([0, 1]), torch.tensor([0, 0]), torch.tensor([0, 1]))
        >>> accuracy(metric.compute())
        tensor([1., 0.], dtype=torch.float64)
    """

    full_state_update = False
    confusion: Tensor

    def __init__(self, num_languages: int, num_classes: int) -> None:
        super().__init__()
        self.num_languages, self.num_classes = num_languages, num_classes
        zeros = torch.zeros(num_languages, num_classes, num_classes, dtype=torch.long)
        self.add_state("confusion", default=zeros, dist_reduce_fx="sum")

    def update(self, predictions: Tensor, labels: Tensor, languages: Tensor) -> None:
        """Counts predictions; all arguments are integers of shape (N,)."""
        self.confusion += _confusion_update(predictions, labels, languages, self.num_languages, self.num_classes)

    def compute(self) -> Tensor:
        """Counts of shape (L, C, C): language, label, prediction."""
        return self.confusion
