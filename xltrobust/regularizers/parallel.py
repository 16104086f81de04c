"""The base class of regularizers that learn from parallel text, and the contrastive loss that most of them use."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xltrobust.models.gradient_share import Weight
from xltrobust.models.passes import Passes
from xltrobust.regularizers.base import Regularizer


class AlignmentRegularizer(Regularizer):
    """Base of regularizers whose term reads sentence pairs or word pairs.

    Args:
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        pretraining_share: the share of the training (of its steps, or of ``max_passes``), at its start, in which
            alignment is trained alone; 0 trains it together with the task throughout. The task's batches of that first
            stage are skipped. One learning rate schedule spans both stages, so the head starts without a warm-up.
        name: of the term in logs.

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(self, *, weight: Weight = 1.0, pretraining_share: float = 0.0, name: str | None = None) -> None:
        super().__init__(weight=weight, name=name)
        if not 0 <= pretraining_share < 1:
            raise ValueError(f"Expected argument `pretraining_share` to be in [0, 1), but got {pretraining_share}.")
        self.pretraining_share = pretraining_share

    @property
    def pair_cost(self) -> Passes:
        return Passes(forwards=1, backwards=1)


def info_nce(
    queries: Tensor, keys: Tensor, temperature: float, same: Tensor | None = None, positives: Tensor | None = None
) -> Tensor:
    """InfoNCE: the cross entropy of choosing each query's key among all keys by cosine / temperature, shape (N,).

    Args:
        queries: shape (N, H).
        keys: shape (M, H).
        temperature: τ.
        same: keys that are no negatives of a query, such as copies of the same text; boolean, shape (N, M).
        positives: the index of each query's key, shape (N,); None takes the key of the same row.

    References:
        - van den Oord et al. Representation learning with contrastive predictive coding. 2018.
    """
    if positives is None:
        positives = torch.arange(len(queries), device=queries.device)
    with torch.autocast(queries.device.type, enabled=False):  # half precision cannot tell near misses from hits
        scores = F.normalize(queries.float(), dim=1) @ F.normalize(keys.float(), dim=1).T / temperature
    if same is not None:
        positive = torch.zeros_like(same).scatter(1, positives[:, None], True)
        scores = scores.masked_fill(same & ~positive, -torch.inf)
    return F.cross_entropy(scores, positives, reduction="none")
