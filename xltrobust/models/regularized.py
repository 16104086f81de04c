"""The registration of regularizers with a model, and what they use of it besides its forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.loss_term import LossTerm, Trained
from xltrobust.models.network import Batch
from xltrobust.models.passes import PassCounter
from xltrobust.seeding import derived_seed, global_seed


class Regularized(pl.LightningModule):
    """The part of :class:`RobustClassifier` that serves regularizers."""

    encoder: Any
    passes: PassCounter
    pretraining: bool
    progress: Any  # the share of the training that is done, from 0 to 1

    def __init__(self) -> None:
        super().__init__()
        self.regularizers: list[LossTerm] = []
        # Regularizers' own parameters are modules of the model, for the optimizer, checkpoints and DDP to find.
        self.regularizer_modules = nn.ModuleDict()

    def register_regularizer(self, regularizer: LossTerm) -> None:
        """Adds a regularizer's term to the loss; the regularizer calls this in its ``setup``.

        Raises:
            IncompatibleRegularizer: if it cannot be combined with one that is registered already.
        """
        for other in self.regularizers:
            if other.name == regularizer.name:
                raise IncompatibleRegularizer(
                    f"Two regularizers are named {other.name!r}: give one of them another `name`."
                )
            if other.task_share < 1 and regularizer.task_share < 1:
                raise IncompatibleRegularizer(
                    f"{other.name} and {regularizer.name} both replace the task loss on the clean batch: train with "
                    "one of them."
                )
        self.regularizers.append(regularizer)
        built = regularizer.build(cast(Trained, self))
        if built is not None:
            self.regularizer_modules[regularizer.name] = built

    def active_regularizers(self) -> tuple[list[LossTerm], bool]:
        """The terms to add to the loss now, and whether they are trained alone, before the task."""
        return self._active_at(self.progress)

    def _active_at(self, progress: float) -> tuple[list[LossTerm], bool]:
        first = [term for term in self.regularizers if progress < term.pretraining_share]
        return (first, True) if first else ([term for term in self.regularizers if not term.pretraining_share], False)

    def steps_with_pairs(self, steps: int) -> np.ndarray:
        """Whether each optimizer step of a training without a budget has a term that reads pairs, shape (steps,)."""
        active = (self._active_at(step / steps)[0] for step in range(steps))
        return np.fromiter((any(term.needs for term in terms) for terms in active), bool, steps)

    def count_pairs(self, batch: Batch, active: Sequence[LossTerm]) -> None:
        """Notes the sentence pairs that are trained on as visited: those beside the batch if one of the active terms
        reads them, and those that texts of the batch were taken from, unless alignment is trained alone.
        """
        if "pairs" in batch and any(term.needs for term in active):
            self.trainer.datamodule.pair_visits.add(batch["pairs"]["rows"])  # type: ignore[attr-defined]
        if "visited" in batch and not self.pretraining:
            self.trainer.datamodule.pair_visits.add(batch["visited"])  # type: ignore[attr-defined]

    @cached_property
    def embedding_scale(self) -> float:
        """The mean L2 norm of the token embeddings before training (when it is first used)."""
        table = self.encoder.get_input_embeddings()
        with torch.no_grad():
            chunks = torch.arange(table.num_embeddings, device=self.device).split(8192)
            return sum(table(ids).norm(dim=-1).sum().item() for ids in chunks) / table.num_embeddings

    def shift_gradient(self, objective: Tensor, shift: Tensor, *, retain_graph: bool = False) -> Tensor:
        """The gradient of a scalar with respect to a perturbation, in float32; no parameter's gradient is computed."""
        scale = self.loss_scale
        with self.passes.input_only():
            (gradient,) = torch.autograd.grad(objective * scale, shift, retain_graph=retain_graph)
        return self.unscaled(gradient)

    def unscaled(self, gradient: Tensor) -> Tensor:
        """The gradient of a loss, from its gradient times :attr:`loss_scale`, in float32; 0 where float16 overflowed.

        The gradient scaler skips a step whose parameter gradients overflow. A NaN perturbation would instead make the
        loss NaN and end the training.
        """
        scale = self.loss_scale
        gradient = gradient.float() / scale
        return gradient if scale == 1 else gradient.nan_to_num(0.0, 0.0, 0.0)

    @property
    def loss_scale(self) -> float:
        """The factor that keeps gradients from vanishing in float16 mixed precision; 1 in other precisions."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None) if self._trainer is not None else None
        return scaler.get_scale() if scaler is not None else 1.0

    def example_seeds(self, batch: Batch, *purpose: object) -> list[int]:
        """One seed an example, determined by the example, epoch and purpose, not by the batch or device."""
        epoch, seen = (self.current_epoch if self._trainer is not None else 0), Counter[int]()
        seeds = []
        for index in batch["index"].tolist():
            seeds.append(derived_seed("noise", global_seed(), epoch, index, seen[index], *purpose))
            seen[index] += 1  # two views of one example get different noise
        return seeds
