"""Linear CKA: how similar the geometry of two sets of representations is, whatever their axes and scale."""

from __future__ import annotations

import torch
from torch import Tensor

# The unbiased estimator of HSIC averages over all sets of four pairs.
FEWEST_PAIRS = 4


def linear_cka(source: Tensor, target: Tensor, *, debiased: bool = True) -> float:
    """Linear centred kernel alignment, in float64 (float32 on Apple's GPUs).

    CKA is invariant to rotations, isotropic scaling and shifts of either side, so it detects a common geometry even
    where retrieval fails. By default the unbiased estimator of HSIC stands for each of its three terms: the result is
    in [-1, 1], and unrelated vectors give about 0 for any N and H (by chance also slightly less). The estimator of the
    CKA paper (``debiased=False``) is in [0, 1] and rises with H / N: 200 unrelated Gaussian vectors of 384 dimensions
    give 0.65.

    Args:
        source: shape (N, H).
        target: shape (N, H'); row i translates row i of ``source``.
        debiased: whether to use the unbiased estimator of HSIC; else the biased one of Kornblith et al.

    Returns:
        The CKA. It is 0 if a side has no geometry to share: if its vectors are all equal or, debiased, all equally far
        apart.

    Raises:
        ValueError: if shapes do not fit, there are fewer than two pairs (four, debiased), or a value is not finite.

    References:
        Kornblith et al. 2019, "Similarity of neural network representations revisited", ICML. Song et al. 2012,
        "Feature selection via dependence maximization", JMLR 13, section 3.2: the unbiased HSIC. Nguyen et al. 2021,
        "Do wide and deep networks learn the same things?", ICLR: CKA of it.

    >>> source = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 0.0]])
    >>> round(linear_cka(source, -3 * source[:, [1, 0]] + 1), 6)
    1.0
    """
    fewest = FEWEST_PAIRS if debiased else 2
    if source.ndim != 2 or target.ndim != 2 or len(source) != len(target) or len(source) < fewest:
        got = f"{tuple(source.shape)} and {tuple(target.shape)}"
        raise ValueError(
            f"Expected arguments `source` and `target` to have shape (N > {fewest - 1}, H), but got {got}."
        )
    x, y = _centred(source, "source"), _centred(target, "target")
    if x is None or y is None:
        return 0.0
    hsic = _unbiased_hsic if debiased else _squared_products
    source_hsic, target_hsic = hsic(x, x), hsic(y, y)
    if min(source_hsic, target_hsic) <= 64 * torch.finfo(x.dtype).eps:  # 0 but for rounding
        return 0.0
    return max(-1.0, min(1.0, hsic(x, y) / (source_hsic * target_hsic) ** 0.5))


def _squared_products(x: Tensor, y: Tensor) -> float:
    """The sum over all i and j of (x_i · x_j) (y_i · y_j): the biased HSIC of centred vectors, times (N - 1)²."""
    if len(x) > max(x.shape[1], y.shape[1]):
        return (x.T @ y).square().sum().item()
    return ((x @ x.T) * (y @ y.T)).sum().item()


def _unbiased_hsic(x: Tensor, y: Tensor) -> float:
    """Equation 5 of Song et al., times N (N - 3), from the row sums of Gram matrices without their diagonals."""
    n = len(x)
    (diagonal, rows), (other_diagonal, other_rows) = _off_diagonal(x), _off_diagonal(y)
    products = _squared_products(x, y) - (diagonal * other_diagonal).sum()
    sums = rows.sum() * other_rows.sum() / ((n - 1) * (n - 2))
    return (products + sums - 2 / (n - 2) * (rows * other_rows).sum()).item()


def _off_diagonal(x: Tensor) -> tuple[Tensor, Tensor]:
    """The diagonal of the Gram matrix, and its row sums without the diagonal, both of shape (N,)."""
    diagonal = x.square().sum(1)
    return diagonal, x @ x.sum(0) - diagonal


def _centred(vectors: Tensor, name: str) -> Tensor | None:
    """Vectors minus their mean, with a Frobenius norm of 1; None if they are all equal but for rounding."""
    if not vectors.isfinite().all():
        raise ValueError(f"Expected argument `{name}` to be finite, but got NaN or infinite values.")
    exact = vectors.detach().to(torch.float32 if vectors.device.type == "mps" else torch.float64)
    centred = exact - exact.mean(0)
    norm = centred.norm()
    return centred / norm if norm > 16 * torch.finfo(exact.dtype).eps * exact.norm() else None
