"""Whether translations find each other: nearest-neighbour retrieval by cosine and by CSLS.

All functions take N pairs of vectors, shape (N, H), in which row i of ``target`` translates row i of ``source``. They
compute cosines in float64 (float32 on Apple's GPUs, which lack float64) and, but for :func:`csls_similarity`, in blocks
of rows, so that no N × N matrix is held in memory. ``k`` is capped at N - 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

# Similarities held at a time: 32 MB in float64.
_BLOCK = 4_000_000
# Cosines of equal vectors differ in their last bits, depending on their place in a matrix product.
_TIE = 16


def retrieval_accuracy(
    source: Tensor, target: Tensor, *, source_groups: Tensor | None = None, target_groups: Tensor | None = None
) -> tuple[float, float]:
    """Shares of sources and of targets whose nearest vector on the other side is the translation (as for Tatoeba).

    A translation must be nearer than every wrong candidate: a tie is a miss, so that vectors which are all the same
    score 0. Groups mark equal texts, which cannot be told apart: row j is a right answer for row i if the two have the
    same source group *or* the same target group.

    Args:
        source, target: shape (N, H).
        source_groups, target_groups: integers, shape (N,), equal for equal texts; by default all texts differ.

    Raises:
        ValueError: if shapes differ, there are fewer than two pairs, or a value is not finite.

    References:
        Artetxe & Schwenk 2019, "Massively multilingual sentence embeddings for zero-shot cross-lingual transfer and
        beyond", TACL 7.

    >>> source, target = torch.eye(3), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 2, 1]])
    >>> retrieval_accuracy(source, target)  # the third target's nearest source is the second
    (1.0, 0.6666666666666666)
    """
    source, target = unit_pairs(source, target)
    zeros = source.new_zeros(len(source))
    return _precision(source, target, zeros, zeros, source_groups, target_groups)


def csls_similarity(source: Tensor, target: Tensor, k: int = 10) -> Tensor:
    """Cross-domain similarity local scaling: the whole matrix of ``2 cos(x, y) - r(x) - r(y)``, shape (N, N).

    ``r`` is the mean cosine to the ``k`` nearest vectors of the other language; subtracting it penalises hubs.

    Args:
        source, target: shape (N, H).
        k: size of the neighbourhoods.

    Raises:
        ValueError: as :func:`retrieval_accuracy`, or if ``k`` is not positive.

    References:
        Conneau et al. 2018, "Word translation without parallel data", ICLR.

    >>> csls_similarity(torch.eye(2), torch.eye(2), k=1)
    tensor([[ 0., -2.],
            [-2.,  0.]], dtype=torch.float64)
    """
    source, target = unit_pairs(source, target)
    near, near_back = neighbourhoods(source, target, k)
    return 2 * source @ target.T - near[:, None] - near_back


def word_retrieval(
    source: Tensor,
    target: Tensor,
    k: int = 10,
    *,
    source_groups: Tensor | None = None,
    target_groups: Tensor | None = None,
) -> tuple[float, float]:
    """Precision at 1 by CSLS, from source to target and back: word translation as Conneau et al. 2018 measure it.

    The mean is over pairs, not over distinct words. Neighbourhoods ignore the groups: a word that occurs more than
    ``k`` times fills its own neighbourhood, and should be given once, as the mean of its vectors.

    Args:
        source, target: shape (N, H).
        k: size of the neighbourhoods.
        source_groups, target_groups: see :func:`retrieval_accuracy`, also for ties. If the rows of a word share a
            source group, each of its translations is a right answer.

    Raises:
        ValueError: as :func:`csls_similarity`.

    >>> word_retrieval(torch.eye(3), torch.eye(3)[[0, 2, 1]], k=1)
    (0.3333333333333333, 0.3333333333333333)
    """
    source, target = unit_pairs(source, target)
    near, near_back = neighbourhoods(source, target, k)
    return _precision(source, target, near / 2, near_back / 2, source_groups, target_groups)


def unit_pairs(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Checks vectors, and scales them to length 1; zero vectors remain zero."""
    if source.ndim != 2 or source.shape != target.shape or len(source) < 2:
        got = f"{tuple(source.shape)} and {tuple(target.shape)}"
        raise ValueError(f"Expected arguments `source` and `target` to have one shape (N > 1, H), but got {got}.")
    for name, vectors in (("source", source), ("target", target)):
        if not vectors.isfinite().all():
            raise ValueError(f"Expected argument `{name}` to be finite, but got NaN or infinite values.")
    dtype = torch.float32 if source.device.type == "mps" else torch.float64
    return F.normalize(source.detach().to(dtype), dim=1), F.normalize(target.detach().to(dtype), dim=1)


def neighbours(k: int, pairs: int) -> int:
    """``k``, capped at the number of candidates besides a vector's translation."""
    if k < 1:
        raise ValueError(f"Expected argument `k` to be at least 1, but got {k}.")
    return min(k, pairs - 1)


def cosine_blocks(source: Tensor, target: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The similarity matrix in blocks of rows, each with the slice of the rows it holds."""
    step = max(1, _BLOCK // len(target))
    for start in range(0, len(source), step):
        rows = slice(start, start + step)
        yield rows, source[rows] @ target.T


def neighbourhoods(source: Tensor, target: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The mean cosines of sources, and of targets, to their k nearest in the other language, each of shape (N,)."""
    k = neighbours(k, len(source))

    def near(queries: Tensor, candidates: Tensor) -> Tensor:
        return torch.cat([cosines.topk(k, dim=1).values.mean(1) for _, cosines in cosine_blocks(queries, candidates)])

    return near(source, target), near(target, source)


def _precision(
    source: Tensor,
    target: Tensor,
    source_penalty: Tensor,
    target_penalty: Tensor,
    source_groups: Tensor | None,
    target_groups: Tensor | None,
) -> tuple[float, float]:
    """Precision at 1 in both directions, by cosine minus the penalties of both vectors (each of shape (N,))."""
    groups = [_checked(source_groups, "source_groups", source), _checked(target_groups, "target_groups", target)]
    right, wrong = source.new_full((2, len(source)), -torch.inf)
    tie = _TIE * torch.finfo(source.dtype).eps
    hits = 0
    for rows, cosines in cosine_blocks(source, target):
        scores = cosines - source_penalty[rows, None] - target_penalty
        correct = (groups[0][rows, None] == groups[0]) | (groups[1][rows, None] == groups[1])
        right_scores, wrong_scores = scores.masked_fill(~correct, -torch.inf), scores.masked_fill(correct, -torch.inf)
        hits += int((right_scores.amax(1) > wrong_scores.amax(1) + tie).sum())
        right, wrong = right.maximum(right_scores.amax(0)), wrong.maximum(wrong_scores.amax(0))
    return hits / len(source), int((right > wrong + tie).sum()) / len(source)


def _checked(groups: Tensor | None, name: str, vectors: Tensor) -> Tensor:
    if groups is None:
        return torch.arange(len(vectors), device=vectors.device)
    if groups.shape != (len(vectors),) or groups.is_floating_point():
        got = f"{groups.dtype} of shape {tuple(groups.shape)}"
        raise ValueError(f"Expected argument `{name}` to be integers of shape ({len(vectors)},), but got {got}.")
    return groups.to(vectors.device)
