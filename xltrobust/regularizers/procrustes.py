"""Orthogonal Procrustes: the rotation of one language's vectors onto another's."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Rows copied to float64 at a time: a corpus has many words.
_ROWS = 16_384


class Rotation(NamedTuple):
    """An orthogonal map between centres.

    Args:
        matrix: shape (H, H).
        source_mean, target_mean: shape (H,), subtracted before and added after the map; zeros without centring.
    """

    matrix: Tensor
    source_mean: Tensor
    target_mean: Tensor

    def apply(self, vectors: Tensor) -> Tensor:
        """Maps source vectors, shape (..., H), into the target space."""
        return (vectors - self.source_mean) @ self.matrix + self.target_mean


def orthogonal_map(source: Tensor, target: Tensor) -> Tensor:
    """The W, shape (H, H), with WᵀW = I that minimises ‖source · W - target‖ (Frobenius).

    It may rotate or reflect. Directions that the pairs do not determine (as when N < H) are mapped as near to the
    identity as possible, so that the result does not depend on how the SVD completes its bases.

    Args:
        source, target: shape (N, H); row i of one is the translation of row i of the other.

    Returns:
        W on the source's device and in its dtype (at least float32), from an SVD in float64 on the CPU.

    Raises:
        ValueError: if the shapes differ, there are no rows, or a value is not finite.

    References:
        Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31.

    >>> orthogonal_map(torch.eye(2), torch.tensor([[0.0, 3.0], [-3.0, 0.0]])).abs()
    tensor([[0., 1.],
            [1., 0.]])
    """
    return fit_rotation(source, target).matrix


def fit_rotation(source: Tensor, target: Tensor, centre: bool = False) -> Rotation:
    """The map of :func:`orthogonal_map` with means, which ``centre`` subtracts from both sides before it is fitted.

    >>> source = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> rotation = fit_rotation(source, source + 5, centre=True)
    >>> torch.allclose(rotation.apply(source), source + 5)
    True
    """
    if source.ndim != 2 or source.shape != target.shape or not source.numel():
        got = f"{tuple(source.shape)} and {tuple(target.shape)}"
        raise ValueError(f"Expected arguments `source` and `target` to have one shape (N > 0, H > 0), but got {got}.")
    for name, vectors in (("source", source), ("target", target)):
        if not vectors.isfinite().all():
            raise ValueError(f"Expected argument `{name}` to be finite, but got NaN or infinite values.")
    x, y = source.detach().cpu(), target.detach().cpu()
    x_mean = y_mean = torch.zeros(x.shape[1], dtype=torch.float64)
    if centre:
        x_mean, y_mean = x.mean(0, dtype=torch.float64), y.mean(0, dtype=torch.float64)
    covariance = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for x_rows, y_rows in zip(x.split(_ROWS), y.split(_ROWS), strict=True):
        covariance += (x_rows.double() - x_mean).T @ (y_rows.double() - y_mean)
    dtype = torch.promote_types(source.dtype, torch.float32)
    matrix, x_mean, y_mean = (
        each.to(source.device, dtype) for each in (_nearest_orthogonal(covariance), x_mean, y_mean)
    )
    return Rotation(matrix, x_mean, y_mean)


def _nearest_orthogonal(covariance: Tensor) -> Tensor:
    """The orthogonal W with the largest tr(Wᵀ · covariance); of several, the one with the largest trace."""
    left, values, right = torch.linalg.svd(covariance)
    rank = int((values > values[0] * len(values) * torch.finfo(values.dtype).eps).sum())
    open_left, open_right = left[:, rank:], right[rank:].T
    # Signs of singular vectors cancel out in a product of full rank; the rest is another Procrustes problem.
    inner_left, _, inner_right = torch.linalg.svd(open_left.T @ open_right)
    return left[:, :rank] @ right[:rank] + open_left @ inner_left @ inner_right @ open_right.T
