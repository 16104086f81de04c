"""Virtual adversarial training (VAT): the same predictions along the direction in which they change most."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from xltrobust.checks import require_positive
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball
from xltrobust.regularizers.divergence import kl_divergence
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer


class VirtualAdversarial(EmbeddingRegularizer):
    """Adds KL(f(x) ‖ f(x + r)), r being ε times the direction of greatest curvature that power iteration finds.

    At r = 0 the divergence and its gradient are 0, so iteration always starts in a random direction. f(x) is constant.
    All passes share the clean pass's dropout mask (our choice): with different masks, iteration would find the effect
    of dropout rather than the curvature.

    Cost of a training step: ``steps`` forward and input-only backward passes, and one forward and one full backward
    pass more than the task's.

    Args:
        ball: r lies on its boundary.
        steps: the number of power iterations.
        probe: ξ, the distance at which iteration takes the gradient, as a share of ε.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``steps`` or ``probe`` is not positive.

    References:
        - Miyato et al. Virtual adversarial training: a regularization method for supervised and semi-supervised
          learning. IEEE TPAMI 2018.
    """

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        steps: int = 1,
        probe: float = 0.1,
        layer: int = 0,
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball, layer=layer, weight=weight, name=name)
        require_positive(steps=steps, probe=probe)
        self.steps, self.probe = steps, probe

    @property
    def cost(self) -> Passes:
        return Passes(self.steps + 1, 1, self.steps)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        radius = self.radius(module)
        clean = module.objective.scored(output.logits.detach(), batch)
        start = self.ball.direction(self.noise(module, batch, 1.0, "gaussian"))
        direction = self.iterate(module, batch, output, start, self.probe * radius)
        with output.dropout.replayed():
            perturbed = module.logits(output.embeddings, batch, radius * direction, self.layer)
        return kl_divergence(clean, module.objective.scored(perturbed, batch)).mean()

    def iterate(
        self, module: Trained, batch: dict[str, Any], output: Output, direction: Tensor, probe: float
    ) -> Tensor:
        """Power iteration on the divergence's Hessian.

        Args:
            module: the model in training.
            batch: the task batch.
            output: its clean pass.
            direction: where to start, of norm 1, shape (B, T, H).
            probe: the absolute distance along the direction at which the gradient is taken.

        Returns:
            A direction of norm 1, shape (B, T, H); 0 where there is no curvature.
        """
        clean = module.objective.scored(output.logits.detach(), batch)
        real = batch["perturbable"].unsqueeze(-1)
        for _ in range(self.steps):
            shift = (probe * direction).requires_grad_()
            with output.dropout.replayed():
                perturbed = module.logits(output.embeddings.detach(), batch, shift, self.layer)
            divergence = kl_divergence(clean, module.objective.scored(perturbed, batch))
            gradient = module.shift_gradient(divergence.sum(), shift)
            direction = self.ball.direction(gradient * real)
        return direction
