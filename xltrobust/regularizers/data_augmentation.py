"""Randomized smoothing by data augmentation (RS-DA): training on random views of the texts, new in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytorch_lightning as pl

from xltrobust.example import Example
from xltrobust.perturb.random_view import RandomView
from xltrobust.regularizers.base import Regularizer


class DataAugmentation(Regularizer):
    """Trains on random views of the texts in place of the texts, such as with words replaced by synonyms.

    The views are made during training, where texts are loaded (in ``num_workers`` processes, if any), by the
    perturbations of the attacks. A view depends on the seed, the epoch and the example alone. The published code
    instead writes ten augmented copies of PAWS-X to a file and trains on each for three epochs: six times the passes of
    its baseline.

    Cost of a training step: that of a plain one on texts of the views' length; twice that with ``keep_clean``.

    Args:
        view: the perturbation that changes the texts, and how much.
        keep_clean: train on the clean texts as well, in the same batches.
        name: tells it from another DataAugmentation of the same training.

    Raises:
        UserError: at the start, if the perturbation cannot change texts in the source language.

    References:
        - Huang et al. Improving zero-shot cross-lingual transfer learning via robust training. EMNLP 2021.
        - Ye et al. SAFER: a structure-free approach for certified robustness to adversarial word substitutions.
          ACL 2020.
    """

    def __init__(self, *, view: RandomView, keep_clean: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)
        self.view = view
        self.keep_clean = keep_clean

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            self.view.perturbation.require(trainer.datamodule.source)  # type: ignore[attr-defined]
        super().setup(trainer, pl_module, stage)

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        views = [self.view(example, rng) for example in examples]
        return [*examples, *views] if self.keep_clean else views
