"""The base class of regularizers: callbacks that add a term to the loss or change the training texts."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn

from xltrobust.arguments import Part
from xltrobust.datamodules.draw import Draw
from xltrobust.datamodules.parallel.supply import Stream
from xltrobust.example import Example
from xltrobust.models.gradient_share import GradientShare, Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes


class Regularizer(Part, pl.Callback):
    """Base of all regularizers. Override ``term`` to add to the loss, ``augment`` to change the training texts,
    ``second_view`` for a changed copy of the texts beside them, and ``build`` for parameters of the regularizer.

    The module adds ``weight * term`` to its loss before the one backward pass of automatic optimization, so precision
    plugins, accumulation, clipping and DDP work as for the task loss alone.

    Args:
        weight: of the term in the loss; or ``{share: …}``, by which it is set (see
            :class:`~xltrobust.models.gradient_share.GradientShare`) and logged as ``train/<name>_weight``.
        name: of the term in logs (``train/<name>``); None takes the class's name in snake case.

    Attributes:
        needs: the parallel text that its term reads besides the task batch: ``sentence_pairs`` for ``batch["pairs"]``,
            ``word_pairs`` for the same with word alignments (see
            :class:`~xltrobust.datamodules.parallel.stream.PairBatches`).
        pretraining_share: the share of the training, at its start, in which the term is trained without the task; 0
            trains both together throughout.
        stage: when its ``augment`` is called, whatever the order of callbacks: 0 for one that puts another text in the
            place of the training text, 1 for one that exchanges words of it, 2 for one that puts noise into what there
            is by then. Within a stage, they are called in the order of the callbacks.
        task_share: factor of the task loss on the clean batch. If it is 0, and no regularizer uses the clean pass, that
            pass is not computed.

    Raises:
        ValueError: if the weight is negative.
    """

    task_share: float = 1.0
    needs: frozenset[Stream] = frozenset()
    pretraining_share: float = 0.0
    stage: int = 1

    def __init__(self, *, weight: Weight = 1.0, name: str | None = None) -> None:
        if not isinstance(weight, GradientShare) and weight < 0:
            raise ValueError(f"Expected argument `weight` to be at least 0, but got {weight}.")
        self.weight = weight
        self.name = name or _snake_case(type(self).__name__)

    @property
    def cost(self) -> Passes:
        """The term's passes of a batch through the encoder, besides the clean one of the task loss."""
        return Passes()

    @property
    def pair_cost(self) -> Passes:
        """The term's encoder passes of a batch of sentence pairs, both texts.

        The first forward and full backward pass is shared by all regularizers that use the pairs.
        """
        return Passes()

    @property
    def source_cost(self) -> Passes:
        """The term's encoder passes of the pairs' source texts alone."""
        return Passes()

    def build(self, module: Trained) -> nn.Module | None:
        """Parameters of the regularizer, such as a projection head: trained at ``head_lr`` and saved in checkpoints."""
        return None

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor | None:
        """A scalar to add to the loss; None adds nothing.

        Args:
            module: the model in training.
            batch: the task batch.
            output: the forward pass of the batch, computed step by step when it is first used.
        """
        return None

    def augment(self, examples: Sequence[Example], rng: Draw) -> Sequence[Example]:
        """The training examples, changed or added to, where they are loaded; all randomness comes from ``rng``.

        That is a ``random.Random`` which also tells the example's index, the epoch and the turn, and to which whatever
        takes texts from sentence pairs tells their rows (:class:`~xltrobust.datamodules.draw.Draw`).
        """
        return examples

    def second_view(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        """A changed copy of each training example, or of its translation, which becomes ``batch["views"][name]``."""
        return examples

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        for stream in sorted(self.needs):
            trainer.datamodule.add_stream(stream)  # type: ignore[attr-defined]
        pl_module.register_regularizer(self)  # type: ignore[operator]
        if type(self).augment is not Regularizer.augment:
            trainer.datamodule.add_augmentation(self.augment, self.stage)  # type: ignore[attr-defined]
        if type(self).second_view is not Regularizer.second_view:
            trainer.datamodule.add_view(self.name, self.second_view)  # type: ignore[attr-defined]


def _snake_case(name: str) -> str:
    """
    >>> _snake_case("RandomPerturbation"), _snake_case("FreeLB"), _snake_case("R3F")
    ('random_perturbation', 'free_lb', 'r3f')
    """
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
