"""What regularizers register with, and what they ask of the classifier besides its forward pass."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.loss_term import LossTerm, Trained
from xltrobust.models.network import Batch
from xltrobust.models.passes import PassCounter
from xltrobust.seeding import derived_seed, global_seed


class Regularized(pl.LightningModule):
    """The half of :class:`RobustClassifier` that regularizers use."""

    encoder: Any
    passes: PassCounter
    progress: Any  # the share of the training that is done

    def __init__(self) -> None:
        super().__init__()
        self.regularizers: list[LossTerm] = []
        # Parameters that regularizers make: here the optimizer, the checkpoints and DDP find them.
        self.regularizer_modules = nn.ModuleDict()

    def register_regularizer(self, regularizer: LossTerm) -> None:
        """Adds a regularizer's term to the loss; called by the regularizer in its ``setup``.

        Raises:
            IncompatibleRegularizer: if it does not go with one that is there already.
        """
        for own in self.regularizers:
            if own.name == regularizer.name:
                raise IncompatibleRegularizer(
                    f"Two regularizers are named {own.name!r}: give one of them another `name`."
                )
            if own.task_share < 1 and regularizer.task_share < 1:
                raise IncompatibleRegularizer(
                    f"{own.name} and {regularizer.name} both take the place of the task loss on the clean batch: train "
                    "with one of them."
                )
        self.regularizers.append(regularizer)
        built = regularizer.build(cast(Trained, self))
        if built is not None:
            self.regularizer_modules[regularizer.name] = built

    def active_regularizers(self) -> tuple[list[LossTerm], bool]:
        """The terms to add to the loss now, and whether they are trained alone, before the task."""
        first = [term for term in self.regularizers if self.progress < term.pretraining_share]
        return (first, True) if first else ([term for term in self.regularizers if not term.pretraining_share], False)

    @cached_property
    def embedding_scale(self) -> float:
        """The mean L2 norm of the token embeddings, when it was first asked for: before training."""
        table = self.encoder.get_input_embeddings()
        with torch.no_grad():
            rows = torch.arange(table.num_embeddings, device=self.device).split(8192)
            return sum(table(own).norm(dim=-1).sum().item() for own in rows) / table.num_embeddings

    def shift_gradient(self, objective: Tensor, shift: Tensor, *, retain_graph: bool = False) -> Tensor:
        """The gradient of a scalar with respect to a perturbation, in float32, that leaves the parameters alone."""
        scale = self.loss_scale
        with self.passes.input_only():
            (gradient,) = torch.autograd.grad(objective * scale, shift, retain_graph=retain_graph)
        return self.unscaled(gradient)

    def unscaled(self, gradient: Tensor) -> Tensor:
        """A perturbation's gradient of a loss times :attr:`loss_scale`, in float32; 0 where half precision overflowed.

        Such a step is skipped by the scaler, which sees it in the parameters' gradients: a perturbation that is not a
        number would instead end the training.
        """
        scale = self.loss_scale
        gradient = gradient.float() / scale
        return gradient if scale == 1 else gradient.nan_to_num(0.0, 0.0, 0.0)

    @property
    def loss_scale(self) -> float:
        """What losses are multiplied by so that gradients in half precision do not vanish; 1 in other precisions."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None) if self._trainer is not None else None
        return scaler.get_scale() if scaler is not None else 1.0

    def example_seeds(self, batch: Batch, *purpose: object) -> list[int]:
        """Seeds for noise: functions of the example, the epoch and the purpose, whatever the batch or device."""
        epoch, seen = (self.current_epoch if self._trainer is not None else 0), Counter[int]()
        seeds = []
        for index in batch["index"].tolist():
            seeds.append(derived_seed("noise", global_seed(), epoch, index, seen[index], *purpose))
            seen[index] += 1  # two views of one example are not to be perturbed alike
        return seeds
