"""Randomized smoothing by random perturbation (RS-RP): the loss at randomly perturbed embeddings."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xltrobust.checks import require_share
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball, Distribution
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer


class RandomPerturbation(EmbeddingRegularizer):
    """Minimizes the task loss at randomly perturbed embeddings, L(f(x + δ), y), drawn anew for every example and epoch.

    Cost of a training step: that of a plain one; a forward and full backward pass more if ``clean_share`` is not 0.

    Args:
        ball: bounds the perturbations, or scales them if they are Gaussian.
        distribution: ``uniform`` in the ball, or ``gaussian`` (see :meth:`Ball.draw`).
        clean_share: share of the clean loss; 0 trains on perturbed embeddings alone.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: factor of the perturbed loss's share, or the ``share`` of the clean loss's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``clean_share`` is not in [0, 1).

    References:
        - Huang et al. Improving zero-shot cross-lingual transfer learning via robust training. EMNLP 2021.
    """

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        distribution: Distribution = "uniform",
        clean_share: float = 0.0,
        layer: int = 0,
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball, layer=layer, weight=weight, name=name)
        require_share(clean_share)
        self.distribution, self.clean_share = distribution, clean_share
        self.task_share = clean_share

    cost = Passes(forwards=1, backwards=1)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        delta = self.noise(module, batch, self.radius(module), self.distribution)
        logits = module.logits(output.embeddings, batch, delta, self.layer)
        perturbed = module.objective.loss(logits, batch["labels"])
        return (1 - self.clean_share) * perturbed
