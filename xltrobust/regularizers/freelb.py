"""FreeLB: each ascent step's backward pass updates the perturbation and contributes to the parameters' gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xltrobust.checks import require_positive
from xltrobust.models.dropout import DropoutMask
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer, Start


class FreeLB(EmbeddingRegularizer):
    """Replaces the task loss by its mean over the K perturbations that K - 1 ascent steps pass through.

    The K passes share one dropout mask. Each pass's graph is freed before the next, so the memory is that of a plain
    step and one more copy of the trained parameters' gradients. The term is a surrogate, with the mean loss as its
    value and the accumulated gradient as its gradient: to clipping, accumulation and DDP it is a loss like any other.

    The authors' code has one ball for each example and, under L∞, steps of g/max|g|, as with
    ``Ball(scope="example", linf_step="largest")``; the defaults here are a ball for each token and steps of sign g.
    Their code also perturbs special tokens and draws the start from a cube whose size is an option,
    ``adv_init_mag``: neither is offered (``start: zero`` corresponds to ``adv_init_mag`` 0).

    Cost of a training step: K forward and K full backward passes, which replace the task's.

    Args:
        ball: the perturbations allowed.
        steps: K, the number of passes; K = 1 with ``start: zero`` is plain training.
        step_size: length of a step, in the ball's units; None takes ε for one ascent step and 2.5 ε / (K - 1) for more.
        start: where ascent starts: at ``zero``, or at a ``random`` point of the ball, as in the paper.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: of the term, which replaces the task loss.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``steps`` or ``step_size`` is not positive.

    References:
        - Zhu et al. FreeLB: enhanced adversarial training for natural language understanding. ICLR 2020.
    """

    task_share = 0.0

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        steps: int = 3,
        step_size: float | None = None,
        start: Start = "random",
        layer: int = 0,
        weight: float = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball, layer=layer, weight=weight, name=name)
        require_positive(steps=steps, step_size=step_size)
        self.steps, self.step_size, self.start = steps, step_size, start

    @property
    def cost(self) -> Passes:
        return Passes(forwards=self.steps, backwards=self.steps)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        radius, mask = self.radius(module), batch["perturbable"]
        step = self.step(module, radius, max(1, self.steps - 1), self.step_size)
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        sums: list[Tensor | None] = [None] * len(trained)
        if self.start == "random":
            delta = self.noise(module, batch, radius)
        else:
            delta = torch.zeros(*mask.shape, module.encoder.config.hidden_size, device=mask.device)
        dropout, scale, losses = DropoutMask(module.device), module.loss_scale, []
        for _ in range(self.steps):
            delta = delta.detach().requires_grad_()
            with dropout.replayed():
                logits = module.logits(module.embed(batch), batch, delta, self.layer)
            loss = module.objective.loss(logits, batch["labels"])
            losses.append(loss.detach())
            gradients = torch.autograd.grad(loss * (scale / self.steps), [*trained, delta], allow_unused=True)
            for at, gradient in enumerate(gradients[:-1]):
                if gradient is not None:
                    total = sums[at]
                    sums[at] = gradient / scale if total is None else total.add_(gradient, alpha=1 / scale)
            ascent = gradients[-1]
            assert ascent is not None  # the loss depends on the perturbation
            delta = self.climbed(delta.detach(), module.unscaled(ascent), mask, step, radius)
        reached = [(parameter, total) for parameter, total in zip(trained, sums, strict=True) if total is not None]
        totals = [total for _, total in reached]
        return _Surrogate.apply(torch.stack(losses).mean(), totals, *[parameter for parameter, _ in reached])


class _Surrogate(torch.autograd.Function):
    """A scalar with a given value and given gradients with respect to parameters."""

    @staticmethod
    def forward(context: Any, value: Tensor, gradients: list[Tensor], *parameters: Tensor) -> Tensor:
        context.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return None, None, *(stored.mul_(gradient) for stored in context.gradients)
