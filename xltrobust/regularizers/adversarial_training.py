"""Adversarial training (ADV): the loss at the worst perturbation of the embeddings that a few ascent steps find."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xltrobust.checks import require_positive, require_share
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer, Start


class AdversarialTraining(EmbeddingRegularizer):
    """Minimizes the task loss at a perturbation that maximizes it: min over θ of max over ‖δ‖ ≤ ε of L(f(x + δ), y).

    The loss is ``clean_share`` · L(f(x), y) + ``weight`` · (1 − ``clean_share``) · L(f(x + δ), y). The paper (Huang et
    al.) leaves the number of steps open; the default of one is ours.

    Cost of a training step: ``steps`` forward and input-only backward passes, and one forward and full backward pass,
    which replaces the clean one if ``clean_share`` is 0. Where the clean pass is computed anyway and ascent starts at
    0, the first ascent step reuses it and saves a forward pass.

    Args:
        ball: the perturbations allowed.
        steps: K, the number of steps of projected ascent.
        step_size: length of a step, in the ball's units; None takes ε for one step and 2.5 ε / K for more.
        start: where ascent starts: at ``zero``, or at a ``random`` point of the ball.
        clean_share: share of the clean loss; 0 trains on perturbed embeddings alone.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: factor of the perturbed loss's share, or the ``share`` of the clean loss's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``steps`` or ``step_size`` is not positive, or ``clean_share`` not in [0, 1).

    References:
        - Huang et al. Improving zero-shot cross-lingual transfer learning via robust training. EMNLP 2021.
        - Miyato et al. Adversarial training methods for semi-supervised text classification. ICLR 2017.
        - Madry et al. Towards deep learning models resistant to adversarial attacks. ICLR 2018.
    """

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        steps: int = 1,
        step_size: float | None = None,
        start: Start = "zero",
        clean_share: float = 0.0,
        layer: int = 0,
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball, layer=layer, weight=weight, name=name)
        require_positive(steps=steps, step_size=step_size)
        require_share(clean_share)
        self.steps, self.step_size, self.start, self.clean_share = steps, step_size, start, clean_share
        self.task_share = clean_share

    @property
    def cost(self) -> Passes:
        return Passes(self.steps + 1 - self._starts_clean, 1, self.steps)

    @property
    def _starts_clean(self) -> bool:
        """Whether the first ascent step can use the gradient of the clean pass, which is computed anyway."""
        return self.clean_share > 0 and self.start == "zero" and self.layer == 0

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        labels, radius = batch["labels"], self.radius(module)
        embeddings, steps, step = output.embeddings, self.steps, self.step(module, radius, self.steps, self.step_size)
        if self.start == "random":
            delta = self.noise(module, batch, radius)
        else:
            delta = torch.zeros_like(embeddings, dtype=torch.float32)
        if self._starts_clean and not embeddings.requires_grad and not output.computed:
            embeddings.requires_grad_()  # the embedding table is frozen
        if self._starts_clean and embeddings.requires_grad:
            objective = module.objective.loss(output.logits, labels, "sum")
            gradient = module.shift_gradient(objective, embeddings, retain_graph=True)
            delta = self.climbed(delta, gradient, batch["perturbable"], step, radius)
            steps -= 1
        delta = self.ascend(
            module, batch, embeddings, delta, lambda logits: module.objective.loss(logits, labels, "sum"),
            steps=steps, step=step, radius=radius,
        )  # fmt: skip
        perturbed = module.objective.loss(module.logits(embeddings, batch, delta, self.layer), labels)
        return (1 - self.clean_share) * perturbed
