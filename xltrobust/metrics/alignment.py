"""Measures of cross-lingual alignment: margin, hubness, and all measures by the names that reports give them."""

from __future__ import annotations

import torch
from torch import Tensor

from xltrobust.metrics.cka import FEWEST_PAIRS, linear_cka
from xltrobust.metrics.retrieval import (
    cosine_blocks,
    neighbourhoods,
    neighbours,
    retrieval_accuracy,
    unit_pairs,
    word_retrieval,
)


def cosine_margin(source: Tensor, target: Tensor, k: int = 4) -> float:
    """How much nearer translations are than nearest neighbours: mean of ``cos(x, y) - (r(x) + r(y)) / 2``.

    ``r`` is defined in :func:`~xltrobust.metrics.retrieval.csls_similarity`. As in the paper, the translation itself
    counts as a neighbour, so that perfect alignment of orthogonal pairs gives ``1 - 1 / k``. Of the paper's variants
    this is "distance": unlike "ratio" it stays meaningful where cosines are near 0 or negative, and its unit is that of
    a cosine.

    Args:
        source, target: shape (N, H).
        k: size of the neighbourhoods.

    Raises:
        ValueError: as :func:`~xltrobust.metrics.retrieval.csls_similarity`.

    References:
        Artetxe & Schwenk 2019, "Margin-based parallel corpus mining with multilingual sentence embeddings", ACL.

    >>> cosine_margin(torch.eye(8), torch.eye(8))
    0.75
    """
    source, target = unit_pairs(source, target)
    near, near_back = neighbourhoods(source, target, k)
    return ((source * target).sum(1) - (near + near_back) / 2).mean().item()


def hubness(source: Tensor, target: Tensor, k: int = 10) -> float:
    """Skewness of k-occurrence (how often a target is among the ``k`` nearest of a source); 0 if it is constant.

    Args:
        source, target: shape (N, H).
        k: size of the neighbourhoods.

    Raises:
        ValueError: as :func:`~xltrobust.metrics.retrieval.csls_similarity`.

    References:
        Radovanović et al. 2010, "Hubs in space: popular nearest neighbors in high-dimensional data", JMLR 11.

    >>> hubness(torch.eye(4), torch.eye(4), k=1)
    0.0
    """
    source, target = unit_pairs(source, target)
    k = neighbours(k, len(source))
    occurrences = torch.zeros(len(target), dtype=torch.long, device=target.device)
    for _, cosines in cosine_blocks(source, target):
        occurrences += torch.bincount(cosines.topk(k, dim=1).indices.flatten(), minlength=len(target))
    # The occurrences add up to N k, so their mean is k.
    deviations = occurrences.to(source.dtype) - k
    spread = deviations.square().mean().sqrt()
    return (deviations.pow(3).mean() / spread**3).item() if spread > 0 else 0.0


def alignment_figures(
    source: Tensor, target: Tensor, *, source_groups: Tensor | None = None, target_groups: Tensor | None = None
) -> dict[str, float]:
    """How well the sentence vectors of two languages are aligned; each measure has its usual neighbourhood size.

    Args:
        source, target: shape (N, H); row i of one translates row i of the other.
        source_groups, target_groups: integers, shape (N,), equal for equal texts. Only retrieval depends on them.

    Returns:
        ``retrieval`` and ``retrieval_back`` (:func:`~xltrobust.metrics.retrieval.retrieval_accuracy`), ``margin``
        (:func:`cosine_margin`), ``hubness`` (:func:`hubness`) and, if there are at least four pairs, ``cka_debiased``
        (:func:`~xltrobust.metrics.cka.linear_cka`; ``cka`` in older results is the biased estimator).

    Raises:
        ValueError: if shapes differ, there are fewer than two pairs, or a value is not finite.

    >>> vectors = torch.eye(8).repeat(2, 1)
    >>> {name: round(value, 3) for name, value in alignment_figures(vectors, vectors.roll(1, 0)).items()}
    {'retrieval': 0.0, 'retrieval_back': 0.0, 'margin': -0.5, 'hubness': ..., 'cka_debiased': ...}
    """
    forward, back = retrieval_accuracy(source, target, source_groups=source_groups, target_groups=target_groups)
    figures = {
        "retrieval": forward,
        "retrieval_back": back,
        "margin": cosine_margin(source, target),
        "hubness": hubness(source, target),
    }
    return figures if len(source) < FEWEST_PAIRS else figures | {"cka_debiased": linear_cka(source, target)}


def word_alignment_figures(
    source: Tensor,
    target: Tensor,
    k: int = 10,
    *,
    source_groups: Tensor | None = None,
    target_groups: Tensor | None = None,
) -> dict[str, float]:
    """How well word vectors are aligned: ``word_retrieval`` and ``word_retrieval_back``.

    Arguments and errors are those of :func:`~xltrobust.metrics.retrieval.word_retrieval`.

    >>> word_alignment_figures(torch.eye(4), torch.eye(4))
    {'word_retrieval': 1.0, 'word_retrieval_back': 1.0}
    """
    forward, back = word_retrieval(source, target, k, source_groups=source_groups, target_groups=target_groups)
    return {"word_retrieval": forward, "word_retrieval_back": back}
