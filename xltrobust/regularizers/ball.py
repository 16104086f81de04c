"""Balls around token embeddings, for adversarial training and randomized smoothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Distribution = Literal["uniform", "gaussian"]
_TINY = 1e-30  # keeps the direction of a zero gradient zero instead of NaN


@dataclass(frozen=True, kw_only=True)
class Ball:
    """All perturbations of token embeddings, shape (B, T, H), whose norm is at most ``epsilon``.

    Args:
        epsilon: the radius.
        norm: ``l2``, or ``linf``, which bounds every coordinate.
        scope: whether each ``token``'s vector is bounded, or all vectors of an ``example`` together (the Frobenius
            norm). No difference for ``linf``.
        relative: whether the radius and all step sizes are in units of the mean L2 norm of the encoder's token
            embeddings, for either ``norm``: the scales of encoders differ by a factor of ten. A corner of a relative
            ``linf`` ball has an L2 norm of sqrt(H) radii.
        warmup: share of the training over which the radius rises linearly from 0.
        linf_step: the direction of an ascent step under ``linf``: the ``sign`` of the gradient, the steepest; or the
            gradient divided by its ``largest`` coordinate in the token or example (by ``scope``), as in the code of
            FreeLB (by example) and SMART (by token).

    Raises:
        ValueError: if ``epsilon`` is negative or not finite, ``warmup`` not in [0, 1], or ``norm``, ``scope`` or
            ``linf_step`` unknown.

    >>> ball = Ball(epsilon=0.5, warmup=0.2)
    >>> ball.radius(scale=2.0, progress=0.1), ball.radius(scale=2.0, progress=0.7)
    (0.5, 1.0)
    """

    epsilon: float = 0.1
    norm: Literal["l2", "linf"] = "l2"
    scope: Literal["token", "example"] = "token"
    relative: bool = True
    warmup: float = 0.0
    linf_step: Literal["sign", "largest"] = "sign"

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < math.inf:
            raise ValueError(f"Expected argument `epsilon` to be at least 0 and finite, but got {self.epsilon!r}.")
        if not 0 <= self.warmup <= 1:
            raise ValueError(f"Expected argument `warmup` to be in [0, 1], but got {self.warmup!r}.")
        options = {"norm": ("l2", "linf"), "scope": ("token", "example"), "linf_step": ("sign", "largest")}
        for name, known in options.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"Expected argument `{name}` to be one of {known}, but got {value!r}.")

    def unit(self, scale: float) -> float:
        """The unit of ``epsilon`` and step sizes, given the mean norm of the embeddings, ``scale``."""
        return scale if self.relative else 1.0

    def radius(self, scale: float, progress: float) -> float:
        """The absolute radius after a share ``progress`` of the training."""
        rise = min(1.0, progress / self.warmup) if self.warmup else 1.0
        return self.epsilon * self.unit(scale) * rise

    def size(self, delta: Tensor) -> Tensor:
        """The norms of perturbations, shape (B, T, 1) by token or (B, 1, 1) by example."""
        dims = (-1,) if self.scope == "token" else (-2, -1)
        if self.norm == "linf":
            return delta.abs().amax(dims, keepdim=True)
        return delta.square().sum(dims, keepdim=True).sqrt()

    def project(self, delta: Tensor, radius: float) -> Tensor:
        """The nearest perturbation in the ball of an absolute radius, shape (B, T, H)."""
        if self.norm == "linf":
            return delta.clamp(-radius, radius)
        return delta * (radius / self.size(delta).clamp_min(_TINY)).clamp_max(1.0)

    def direction(self, gradient: Tensor) -> Tensor:
        """The perturbation of norm 1 that raises a loss of this gradient most; with ``linf_step: largest`` the one that
        is proportional to the gradient. 0 where the gradient is 0.
        """
        if self.norm == "linf" and self.linf_step == "sign":
            return gradient.sign()
        # Divided by the largest coordinate first, or squares of tiny gradients would vanish.
        dims = (-1,) if self.scope == "token" else (-2, -1)
        scaled = gradient / gradient.abs().amax(dims, keepdim=True).clamp_min(_TINY)
        return scaled if self.norm == "linf" else scaled / self.size(scaled).clamp_min(_TINY)

    def draw(
        self, distribution: Distribution, radius: float, mask: Tensor, hidden: int, seeds: Sequence[int]
    ) -> Tensor:
        """Random perturbations; each depends on its example's seed alone, not on other examples or padding.

        Args:
            distribution: ``uniform`` in the ball; or ``gaussian``, with independent coordinates and not bounded by the
                ball: for ``l2`` the root mean square of the norm is the radius, for ``linf`` the standard deviation of
                a coordinate is.
            radius: absolute radius of the ball.
            mask: positions to perturb, shape (B, T), boolean; the others get 0.
            hidden: H, the hidden size.
            seeds: one for each example.

        Returns:
            Shape (B, T, H), float32.
        """
        counts = mask.sum(1).tolist()
        noise = torch.zeros(*mask.shape, hidden, device=mask.device)
        shares = torch.ones(*mask.shape, 1, device=mask.device)  # of the radius, for points uniform in an L2 ball
        generator = torch.Generator(device=mask.device)
        cube = distribution == "uniform" and self.norm == "linf"
        for row, (count, seed) in enumerate(zip(counts, seeds, strict=True)):
            generator.manual_seed(seed)
            values = torch.empty(count, hidden, device=mask.device)
            values.uniform_(-1, 1, generator=generator) if cube else values.normal_(generator=generator)
            noise[row, mask[row]] = values
            if distribution == "uniform" and not cube:
                size = (count, 1) if self.scope == "token" else (1, 1)
                dimensions = hidden if self.scope == "token" else max(1, count) * hidden
                uniform = torch.empty(size, device=mask.device).uniform_(generator=generator)
                shares[row, mask[row]] = uniform.pow(1 / dimensions)
        if distribution == "gaussian" and self.norm == "l2":
            vectors = 1 if self.scope == "token" else mask.sum(1).clamp_min(1)[:, None, None]
            return noise * radius / torch.as_tensor(vectors * hidden, device=mask.device).sqrt()
        if distribution == "gaussian" or cube:
            return noise * radius
        return self.direction(noise) * shares * radius
