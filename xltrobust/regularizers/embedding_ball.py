"""The base class of regularizers that perturb token embeddings: a ball, its scale, noise, and ascent in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.dropout import DropoutMask
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.regularizers.ball import Ball, Distribution
from xltrobust.regularizers.base import Regularizer

Start = Literal["zero", "random"]
Batch = dict[str, Any]


class EmbeddingRegularizer(Regularizer):
    """Base of regularizers that perturb the embeddings of a text's tokens, but not of padding and special tokens.

    Noise depends on the seed, the epoch and the example alone, not on the batch, accumulation, the number of devices or
    a resumption. The absolute radius is logged as ``train/{name}_epsilon``, and in units of the mean norm of the token
    embeddings as ``train/{name}_epsilon_relative``.

    Args:
        ball: the perturbations allowed; None takes :class:`Ball`'s defaults.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``layer`` is negative.
        IncompatibleRegularizer: at the start, if the encoder has no such layer.
    """

    def __init__(
        self, *, ball: Ball | None = None, layer: int = 0, weight: Weight = 1.0, name: str | None = None
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
            _ = module.embedding_scale  # measured on the pretrained embeddings, before a checkpoint is loaded
        super().setup(trainer, pl_module, stage)

    def radius(self, module: Trained) -> float:
        """The ball's present absolute radius, which is logged."""
        radius = self.ball.radius(module.embedding_scale, module.progress)
        module.log(f"train/{self.name}_epsilon", radius)
        module.log(f"train/{self.name}_epsilon_relative", radius / module.embedding_scale)
        return radius

    def step(self, module: Trained, radius: float, steps: int, step_size: float | None) -> float:
        """The absolute length of an ascent step.

        Args:
            module: the model in training.
            radius: absolute radius of the ball.
            steps: K, the number of steps.
            step_size: the length in the ball's units; None takes the radius for one step and 2.5 / K of it for more, so
                that the whole ball can be reached (Madry et al., 2018).
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
            module: the model in training.
            batch: the task batch.
            embeddings: of its texts, shape (B, T, H).
            delta: the perturbation to start from, shape (B, T, H).
            objective: the scalar to maximize, a sum over examples, from perturbed logits, shape (B, C).
            steps: the number of steps.
            step: their absolute length.
            radius: absolute radius of the ball.
            dropout: the mask that all steps share; None draws a new one at each step.

        Returns:
            The last perturbation, shape (B, T, H), detached.
        """
        for _ in range(steps):
            delta = delta.detach().requires_grad_()
            with nullcontext() if dropout is None else dropout.replayed():
                logits = module.logits(embeddings.detach(), batch, delta, self.layer)
            gradient = module.shift_gradient(objective(logits), delta)
            delta = self.climbed(delta.detach(), gradient, batch["perturbable"], step, radius)
        return delta.detach()

    def climbed(self, delta: Tensor, gradient: Tensor, mask: Tensor, step: float, radius: float) -> Tensor:
        """The perturbation after an ascent step, projected to the ball; 0 where ``mask``, shape (B, T), is false."""
        real = mask.unsqueeze(-1)
        moved = delta + step * self.ball.direction(torch.where(real, gradient, 0.0))
        return self.ball.project(torch.where(real, moved, 0.0), radius)
