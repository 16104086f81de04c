"""What regularizers that learn from parallel text have in common, and the contrastive loss that most of them use."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xltrobust.models.passes import Passes
from xltrobust.regularizers.base import Regularizer


class AlignmentRegularizer(Regularizer):
    """Base of regularizers whose term reads sentence pairs or word pairs.

    Args:
        weight: of the term in the loss.
        before: 0 learns alignment beside the task; otherwise the share of the training (of its steps, or of
            ``max_passes``) in which alignment is learnt first and alone. The task's batches of that time are passed
            over; the learning rates' schedule is one for both stages, so that the head begins without a warm-up.
        name: of the term in logs.

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(self, *, weight: float = 1.0, before: float = 0.0, name: str | None = None) -> None:
        super().__init__(weight=weight, name=name)
        if not 0 <= before < 1:
            raise ValueError(f"Expected argument `before` to be in [0, 1), but got {before}.")
        self.before = before

    @property
    def pair_cost(self) -> Passes:
        return Passes(forwards=1, backwards=1)


def info_nce(
    queries: Tensor, keys: Tensor, temperature: float, same: Tensor | None = None, positives: Tensor | None = None
) -> Tensor:
    """The cross entropy of finding each query's key among all keys by cosine over temperature, shape (N,).

    Args:
        queries: shape (N, H).
        keys: shape (M, H).
        temperature: τ.
        same: which keys are no negatives of which queries, boolean, shape (N, M): what is the same text is not wrong.
        positives: each query's key, shape (N,); None takes the one of the same number.

    References:
        - van den Oord et al. Representation learning with contrastive predictive coding. 2018.
    """
    if positives is None:
        positives = torch.arange(len(queries), device=queries.device)
    with torch.autocast(queries.device.type, enabled=False):  # in half precision a near miss is a hit
        scores = F.normalize(queries.float(), dim=1) @ F.normalize(keys.float(), dim=1).T / temperature
    if same is not None:
        own = torch.zeros_like(same).scatter(1, positives[:, None], True)
        scores = scores.masked_fill(same & ~own, -torch.inf)
    return F.cross_entropy(scores, positives, reduction="none")
