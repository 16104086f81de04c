"""What regularizers that perturb token embeddings have in common: a ball, its scale, noise, and ascent in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.dropout import DropoutMask
from xltrobust.models.loss_term import Trained
from xltrobust.regularizers.ball import Ball, Distribution
from xltrobust.regularizers.base import Regularizer

Start = Literal["zero", "random"]
Batch = dict[str, Any]


class EmbeddingRegularizer(Regularizer):
    """Base of regularizers that perturb the embeddings of real tokens; padding and special tokens are left alone.

    Noise is a function of the seed, the epoch and the example: neither the batch, nor accumulation, nor the number of
    devices, nor a resumption changes it. The radius is logged as ``train/{name}_epsilon`` and, in units of the
    mean norm of the token embeddings, as ``train/{name}_epsilon_relative``.

    Args:
        ball: the perturbations allowed; None takes :class:`Ball`'s defaults.
        layer: what is perturbed: the output of this layer, 0 being the embeddings.
        weight: of the term in the loss.
        name: of the term in logs.

    Raises:
        ValueError: if ``layer`` is negative.
        IncompatibleRegularizer: at the start, if the encoder has no such layer.
    """

    def __init__(
        self, *, ball: Ball | None = None, layer: int = 0, weight: float = 1.0, name: str | None = None
    ) -> None:
        super().__init__(weight=weight, name=name)
        if layer < 0:
            raise ValueError(f"Expected argument `layer` to be at least 0, but got {layer}.")
        self.ball = ball or Ball()
        self.layer = layer

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            module: Any = pl_module
            if self.layer and self.layer > len(module.layers):
                raise IncompatibleRegularizer(
                    f"Expected argument `layer` of {self.name} to be at most {len(module.layers)}, the number of the "
                    f"encoder's layers, but got {self.layer}."
                )
            _ = module.embedding_scale  # of the pretrained embeddings, not of those that a checkpoint brings
        super().setup(trainer, pl_module, stage)

    def radius(self, module: Trained) -> float:
        """The ball's radius now, in the embeddings' own units; logged."""
        radius = self.ball.radius(module.embedding_scale, module.progress)
        module.log(f"train/{self.name}_epsilon", radius)
        module.log(f"train/{self.name}_epsilon_relative", radius / module.embedding_scale)
        return radius

    def step(self, module: Trained, radius: float, steps: int, step_size: float | None) -> float:
        """The length of a step of ascent, in the embeddings' own units.

        Args:
            module: the classifier.
            radius: of the ball.
            steps: how many there are.
            step_size: the length in the ball's units; None takes the radius for one step, and 2.5 / K of it for K, so
                that all of the ball is in reach (Madry et al., 2018).
        """
        if step_size is not None:
            return step_size * self.ball.unit(module.embedding_scale)
        return radius if steps == 1 else 2.5 * radius / steps

    def noise(self, module: Trained, batch: Batch, radius: float, distribution: Distribution = "uniform") -> Tensor:
        """Random perturbations of a batch, shape (B, T, H)."""
        mask, hidden = batch["perturbable"], module.encoder.config.hidden_size
        return self.ball.draw(distribution, radius, mask, hidden, module.example_seeds(batch, self.name))

    def ascend(
        self,
        module: Trained,
        batch: Batch,
        embeddings: Tensor,
        delta: Tensor,
        objective: Callable[[Tensor], Tensor],
        *,
        steps: int,
        step: float,
        radius: float,
        dropout: DropoutMask | None = None,
    ) -> Tensor:
        """Steps of steepest ascent in the ball, each a forward and an input-only backward pass.

        Args:
            module: the classifier.
            batch: the task batch.
            embeddings: of its texts, shape (B, T, H).
            delta: where to start, shape (B, T, H).
            objective: what rises, of the perturbed logits, shape (B, C), summed over the examples.
            steps: how many.
            step: their length, in the embeddings' own units.
            radius: of the ball.
            dropout: shared by all steps; None draws it anew at each.

        Returns:
            The last perturbation, shape (B, T, H), without a gradient.
        """
        for _ in range(steps):
            delta = delta.detach().requires_grad_()
            with nullcontext() if dropout is None else dropout.replayed():
                logits = module.logits(embeddings.detach(), batch, delta, self.layer)
            gradient = module.shift_gradient(objective(logits), delta)
            delta = self.climbed(delta.detach(), gradient, batch["perturbable"], step, radius)
        return delta.detach()

    def climbed(self, delta: Tensor, gradient: Tensor, mask: Tensor, step: float, radius: float) -> Tensor:
        """One step of ascent, back in the ball, for real tokens only (``mask``, shape (B, T))."""
        real = mask.unsqueeze(-1)
        moved = delta + step * self.ball.direction(torch.where(real, gradient, 0.0))
        return self.ball.project(torch.where(real, moved, 0.0), radius)
