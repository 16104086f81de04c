"""Consistency regularization: the same predictions for a text and a randomly changed view of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import pytorch_lightning as pl
from torch import Tensor

from xltrobust.example import Example
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.perturb.matching_rate import with_rate
from xltrobust.perturb.random_view import RandomView
from xltrobust.regularizers.base import Regularizer
from xltrobust.regularizers.divergence import symmetric_kl


class ConsistencyRegularization(Regularizer):
    """Adds the symmetric KL divergence between the predictions for the clean text and for a random view of it.

    The views are made while texts are loaded, anew for every example and epoch, by the perturbations of the attacks.
    Beside :class:`TranslatedTraining` they are of the translation.

    xTune's code treats each divergence's target as constant (``detach_targets``) and averages over classes as well as
    over examples (``classes: mean``), which makes its term C times smaller for C classes, and its gradient about 2C
    times. Its views are of other kinds (subword sampling, Gaussian noise, code-switching, translation), and its loss
    also has the task loss on the views and a second term, against the predictions of a first model: none of these is
    offered.

    Cost of a training step: one forward and one full backward pass more than the task's.

    Args:
        view: the perturbation that changes the texts, and how much.
        stop_gradient: treat the clean text's prediction as constant.
        detach_targets: treat the target of each of the two divergences as constant.
        classes: whether the divergence is the ``sum`` over classes, as it is defined, or their ``mean``.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``classes`` is unknown.
        UserError: at the start, if the perturbation cannot change texts in the source language.

    References:
        - Zheng et al. Consistency regularization for cross-lingual fine-tuning (xTune). ACL 2021.
        - Xie et al. Unsupervised data augmentation for consistency training. NeurIPS 2020.
    """

    def __init__(
        self,
        *,
        view: RandomView,
        stop_gradient: bool = False,
        detach_targets: bool = False,
        classes: Literal["sum", "mean"] = "sum",
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(weight=weight, name=name)
        if classes not in ("sum", "mean"):
            raise ValueError(f"Expected argument `classes` to be 'sum' or 'mean', but got {classes!r}.")
        self.view = self._view = view
        self.stop_gradient, self.detach_targets, self.classes = stop_gradient, detach_targets, classes

    cost = Passes(forwards=1, backwards=1)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            data = trainer.datamodule  # type: ignore[attr-defined]
            self.view.perturbation.require(data.source)
            if self.view.words_changed is not None:
                self._view = with_rate(self.view, data.train_examples)
        super().setup(trainer, pl_module, stage)

    def second_view(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [self._view(example, rng) for example in examples]

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        view = batch["views"][self.name]
        clean = output.logits.detach() if self.stop_gradient else output.logits
        other = module.objective.scored(module.logits(module.embed(view), view), view)
        term = symmetric_kl(module.objective.scored(clean, batch), other, detach_targets=self.detach_targets).mean()
        return term / other.shape[-1] if self.classes == "mean" else term
