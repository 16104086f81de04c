"""FreeLB: the gradient of every ascent step is used, for the parameters as for the perturbation."""

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
    """The mean of the task losses along K - 1 ascent steps, whose gradients are by-products of the ascent.

    The K passes share one dropout mask. Each pass's graph is freed before the next: the memory is a plain step's and
    one more copy of the trained parameters' gradients. The term returned is a surrogate: its value is the mean
    loss, and its gradient the accumulated one, so that clipping, accumulation and DDP see one loss like any other.

    The authors' code has one ball for each example and, under L∞, steps of g/max|g|, which are
    ``Ball(scope="example", linf_step="largest")``; the defaults are a ball for each token and steps of sign g. It moves
    special tokens too and draws its start from a cube with a size of its own, ``adv_init_mag``: neither is offered
    (``start: zero`` is its ``adv_init_mag`` of 0).

    Cost of a step of training: K forward and K full backward passes, which take the place of the task's.

    Args:
        ball: the perturbations allowed.
        steps: K, the number of passes; with 1 and a start at 0 this is plain training.
        step_size: of the ascent, in the ball's units; None takes ε for one ascent step, 2.5 ε / (K - 1) for more.
        start: ascent starts at 0, or at a point ``random`` in the ball, as in the paper.
        layer: perturb the output of this layer; 0 is the embeddings.
        weight: of the term, which is the whole task loss.
        name: of the term in logs.

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
        pairs = [(own, total) for own, total in zip(trained, sums, strict=True) if total is not None]
        return _Surrogate.apply(torch.stack(losses).mean(), [total for _, total in pairs], *[own for own, _ in pairs])


class _Surrogate(torch.autograd.Function):
    """A scalar that has a given value and given gradients."""

    @staticmethod
    def forward(context: Any, value: Tensor, gradients: list[Tensor], *parameters: Tensor) -> Tensor:
        context.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return None, None, *(own.mul_(gradient) for own in context.gradients)
