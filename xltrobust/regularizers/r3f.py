"""R3F: the same predictions under random noise in the embeddings."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball, Distribution
from xltrobust.regularizers.divergence import symmetric_kl
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer


class R3F(EmbeddingRegularizer):
    """Adds the symmetric KL divergence between predictions with and without noise z, KLsym(f(x), f(x + z)).

    Gradients flow through both predictions, each with a separate dropout mask, as in the authors' code. That code also
    detaches the embeddings that it adds noise to, so that they get no gradient from the second prediction
    (``detach_embeddings``). Its default noise is uniform in an absolute L∞ ball of 1e-5 (``distribution: uniform, ball:
    {norm: linf, epsilon: 1.0e-5, relative: false}``), and on special tokens too, which is not offered.

    Cost of a training step: one forward and one full backward pass more than the task's.

    Args:
        ball: bounds the noise, or scales it if it is Gaussian.
        distribution: ``gaussian``, or ``uniform`` in the ball (see :meth:`Ball.draw`).
        detach_embeddings: add the noise to detached embeddings, as the authors' code does.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: λ, of the term in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    References:
        - Aghajanyan et al. Better fine-tuning by reducing representational collapse. ICLR 2021.
    """

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        distribution: Distribution = "gaussian",
        detach_embeddings: bool = False,
        layer: int = 0,
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball, layer=layer, weight=weight, name=name)
        self.distribution, self.detach_embeddings = distribution, detach_embeddings

    cost = Passes(forwards=1, backwards=1)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        noise = self.noise(module, batch, self.radius(module), self.distribution)
        embeddings = output.embeddings.detach() if self.detach_embeddings else output.embeddings
        logits = output.logits, module.logits(embeddings, batch, noise, self.layer)
        return symmetric_kl(*(module.objective.scored(each, batch) for each in logits)).mean()
