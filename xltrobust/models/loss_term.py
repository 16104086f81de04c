"""Terms of the training loss, and the model as they see it."""

from __future__ import annotations

from typing import Any, Protocol

import pytorch_lightning as pl
from torch import Tensor, nn

from xltrobust.models.gradient_share import Weight
from xltrobust.models.network import Batch, EncoderNetwork
from xltrobust.models.objective import Objective
from xltrobust.models.output import Output


class Trained(EncoderNetwork, Protocol):
    """A network in training, with all that loss terms may use of it; shapes as in :mod:`xltrobust.models.network`."""

    encoder: Any
    regularizer_modules: nn.ModuleDict

    def encode(
        self,
        embeddings: Tensor,
        batch: Batch,
        shift: Tensor | None = None,
        layer: int = 0,
        encoder: nn.Module | None = None,
    ) -> Tensor:
        """The last layer's output, with ``shift`` (B, T, H) added to the output of ``layer`` (0: the embeddings).

        ``encoder`` takes the place of the network's own; it has to be of the same kind.
        """

    def logits(self, embeddings: Tensor, batch: Batch, shift: Tensor | None = None, layer: int = 0) -> Tensor:
        """Logits, shape (B, C), with ``shift`` (B, T, H) added to the output of ``layer`` (0: the embeddings)."""

    @property
    def objective(self) -> Objective:
        """The task's loss and answers."""

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers; layer 1 is ``layers[0]``."""

    # Perturbations of embeddings

    @property
    def embedding_scale(self) -> float:
        """The mean L2 norm of the pretrained token embeddings."""

    @property
    def loss_scale(self) -> float:
        """The factor by which mixed precision scales losses; 1 in other precisions."""

    def shift_gradient(self, objective: Tensor, shift: Tensor, *, retain_graph: bool = False) -> Tensor:
        """The gradient of a scalar with respect to a perturbation, in float32; no parameter's gradient is computed."""

    def unscaled(self, gradient: Tensor) -> Tensor:
        """A perturbation's gradient, of a loss times :attr:`loss_scale`, divided by that scale, in float32."""

    def example_seeds(self, batch: Batch, *purpose: object) -> list[int]:
        """One seed an example: the same whatever the batch or device, another in each epoch and for each purpose."""

    # The training

    @property
    def progress(self) -> float:
        """The share of the training that is done, from 0 to 1."""

    @property
    def trainer(self) -> pl.Trainer: ...

    @property
    def global_rank(self) -> int: ...

    def log(self, name: str, value: Any) -> None:
        """Logs a figure."""

    def all_gather(self, data: Tensor, *, sync_grads: bool = False) -> Any:
        """The tensors of all devices, shape (devices, …); with ``sync_grads`` gradients flow back to their devices."""

    def parameters(self) -> Any:
        """All parameters, those of regularizers included."""


class LossTerm(Protocol):
    """A term that is added to the training loss; :class:`~xltrobust.regularizers.base.Regularizer` is one.

    Attributes:
        name: of the term in logs, unique in a training.
        weight: the term's factor in the loss, or the share of the task's gradient that it is set by.
        pretraining_share: the share of the training, at its start, in which the term is trained without the task.
        needs: the parallel text that the term reads; empty if it reads none.
        task_share: the factor of the task loss beside this term; below 1 the term stands in for (a part of) it.
    """

    name: str
    weight: Weight
    pretraining_share: float
    task_share: float

    @property
    def needs(self) -> frozenset[str]: ...

    def build(self, module: Trained) -> nn.Module | None:
        """The term's own parameters, to be trained and saved with the model; None if it has none."""

    def term(self, module: Trained, batch: Batch, output: Output) -> Tensor | None:
        """A scalar, before it is weighted; None adds nothing to the loss of this batch."""
