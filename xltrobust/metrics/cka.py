"""Linear CKA: how similar the geometry of two sets of representations is, whatever their axes and scale."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_cka(source: Tensor, target: Tensor) -> float:
    """Linear centred kernel alignment, in [0, 1], in float64 (float32 on Apple's GPUs).

    Unchanged by rotations, isotropic scaling and shifts of either side, so it sees a common geometry even where
    retrieval fails. It is biased upwards unless N is much larger than H: compare values of the same N only.

    Args:
        source: shape (N, H).
        target: shape (N, H'), row by row the translations.

    Returns:
        0 if a side does not vary at all: there is nothing to share.

    Raises:
        ValueError: if shapes do not fit, there are fewer than two pairs, or a value is not finite.

    References:
        Kornblith et al. 2019, "Similarity of neural network representations revisited", ICML.

    >>> source = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    >>> round(linear_cka(source, -3 * source[:, [1, 0]] + 1), 6)
    1.0
    """
    if source.ndim != 2 or target.ndim != 2 or len(source) != len(target) or len(source) < 2:
        got = f"{tuple(source.shape)} and {tuple(target.shape)}"
        raise ValueError(f"Expected arguments `source` and `target` to have shape (N > 1, H), but got {got}.")
    x, y = _centred(source, "source"), _centred(target, "target")
    if x is None or y is None:
        return 0.0
    if len(x) > max(x.shape[1], y.shape[1]):
        shared, own, other = (x.T @ y).square().sum(), (x.T @ x).norm(), (y.T @ y).norm()
    else:
        gram, other_gram = x @ x.T, y @ y.T
        shared, own, other = (gram * other_gram).sum(), gram.norm(), other_gram.norm()
    return min(1.0, (shared / (own * other)).item())


def _centred(vectors: Tensor, name: str) -> Tensor | None:
    """Vectors less their mean, of unit norm together; None if nothing but rounding is left."""
    if not vectors.isfinite().all():
        raise ValueError(f"Expected argument `{name}` to be finite, but got NaN or infinite values.")
    exact = vectors.detach().to(torch.float32 if vectors.device.type == "mps" else torch.float64)
    centred = exact - exact.mean(0)
    norm = centred.norm()
    return centred / norm if norm > 16 * torch.finfo(exact.dtype).eps * exact.norm() else None
