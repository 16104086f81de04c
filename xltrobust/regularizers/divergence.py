"""Divergences between predictions, from logits, computed in float32."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p ‖ q) of N predictions.

    Args:
        p: logits, shape (N, C).
        q: logits, shape (N, C).

    Returns:
        In nats, shape (N,).
    """
    log_p, log_q = F.log_softmax(p.float(), dim=-1), F.log_softmax(q.float(), dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def symmetric_kl(p: Tensor, q: Tensor, *, detach_targets: bool = False) -> Tensor:
    """KL(p ‖ q) + KL(q ‖ p) of N predictions, as :func:`kl_divergence` takes them.

    With ``detach_targets`` the first argument of each divergence is constant: the value is the same, and the gradient
    about half as large (exactly half, to first order, where p is near q).

    >>> import torch
    >>> symmetric_kl(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 1.0]])).item()  # (½ − σ(1))·(0 − 1), to rounding
    0.23105...
    """
    if detach_targets:
        return kl_divergence(p.detach(), q) + kl_divergence(q.detach(), p)
    log_p, log_q = F.log_softmax(p.float(), dim=-1), F.log_softmax(q.float(), dim=-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)
