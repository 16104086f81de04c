"""SMART: the same predictions under adversarial noise, and as the parameters move."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.func import functional_call

from xltrobust.checks import require_positive
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.ball import Ball
from xltrobust.regularizers.divergence import symmetric_kl
from xltrobust.regularizers.embedding_ball import EmbeddingRegularizer

_LINF = Ball(norm="linf", epsilon=0.01)


class SmoothnessInducing(EmbeddingRegularizer):
    """Adds max over z of KLsym(f(x), f(x + z)), and KLsym(f(x; θ), f(x; θ̄)), θ̄ being an exponential average of θ.

    The first is the smoothness term, the second the Bregman proximal term (with momentum); each can be switched off.
    Ascent starts at a random z, because the divergence's gradient at 0 is 0, and shares the clean pass's dropout mask
    (our choice).

    The authors' code (mt-dnn) treats each divergence's target as constant (``detach_targets``; the smoothness term's
    gradient is then about half as large) and steps by g/max|g| of each token (``Ball(norm="linf",
    linf_step="largest")``; the default is sign g). It has no ball: it ascends KL(f(x) ‖ f(x + z)) from Gaussian noise
    of 1e-5, after which, depending on the version, z is the step alone or is scaled to a largest coordinate of 1.
    Neither that nor noise on special tokens is offered. We found no proximal term in that code.

    Cost of a training step beyond the task's: for the smoothness term ``steps`` + 1 forward, ``steps`` input-only
    backward and one full backward passes; for the proximal term a forward pass and a copy of the trained parameters.

    Args:
        ball: bounds z; None takes L∞ with a relative radius of 0.01 (our choice).
        steps: K, the number of steps of projected ascent.
        step_size: length of a step, in the ball's units; None takes ε for one step and 2.5 ε / K for more.
        smoothness: whether to add the smoothness term.
        proximal: whether to add the proximal term.
        detach_targets: treat the target of each of the smoothness term's two divergences as constant.
        decay: of the average, θ̄ ← decay · θ̄ + (1 − decay) · θ after every optimizer step.
        layer: number of the layer whose output is perturbed; 0 is the embeddings.
        weight: of the sum of both terms in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if both terms are switched off, ``steps`` or ``step_size`` is not positive, or ``decay`` is not in
            [0, 1).

    References:
        - Jiang et al. SMART: robust and efficient fine-tuning for pre-trained natural language models through
          principled regularized optimization. ACL 2020.
    """

    def __init__(
        self,
        *,
        ball: Ball | None = None,
        steps: int = 1,
        step_size: float | None = None,
        smoothness: bool = True,
        proximal: bool = True,
        detach_targets: bool = False,
        decay: float = 0.99,
        layer: int = 0,
        weight: Weight = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(ball=ball or _LINF, layer=layer, weight=weight, name=name)
        require_positive(steps=steps, step_size=step_size)
        if not (smoothness or proximal):
            raise ValueError("Expected argument `smoothness` or `proximal` to be true, but got neither.")
        if not 0 <= decay < 1:
            raise ValueError(f"Expected argument `decay` to be in [0, 1), but got {decay}.")
        self.steps, self.step_size = steps, step_size
        self.smoothness, self.proximal, self.decay = smoothness, proximal, decay
        self.detach_targets = detach_targets
        self._seen_step = 0

    @property
    def cost(self) -> Passes:
        smoothness = Passes(self.steps + 1, 1, self.steps) if self.smoothness else Passes()
        return smoothness.plus(Passes(forwards=1)) if self.proximal else smoothness

    def build(self, module: Trained) -> nn.Module | None:
        return ParameterAverage(cast(nn.Module, module)) if self.proximal else None

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        total = torch.zeros((), device=module.device)
        if self.smoothness:
            total = total + self._smoothness(module, batch, output)
        if self.proximal:
            average: Any = module.regularizer_modules[self.name]
            with torch.no_grad(), output.dropout.replayed():
                earlier = functional_call(cast(nn.Module, module), average.parameters_by_name(), (batch,)).logits
            scored = (module.objective.scored(each, batch) for each in (output.logits, earlier))
            total = total + symmetric_kl(*scored).mean()
        return total

    def _smoothness(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        radius, scored = self.radius(module), partial(module.objective.scored, batch=batch)
        clean = scored(output.logits.detach())
        step = self.step(module, radius, self.steps, self.step_size)
        start = self.noise(module, batch, radius)
        noise = self.ascend(
            module, batch, output.embeddings, start, lambda logits: symmetric_kl(clean, scored(logits)).sum(),
            steps=self.steps, step=step, radius=radius, dropout=output.dropout,
        )  # fmt: skip
        with output.dropout.replayed():
            perturbed = module.logits(output.embeddings, batch, noise, self.layer)
        return symmetric_kl(scored(output.logits), scored(perturbed), detach_targets=self.detach_targets).mean()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._seen_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.proximal and trainer.global_step != self._seen_step:  # not between the batches of gradient accumulation
            average: Any = pl_module.regularizer_modules[self.name]  # type: ignore[index]
            average.update(pl_module, self.decay)
        self._seen_step = trainer.global_step


class ParameterAverage(nn.Module):
    """An exponential average of a module's trained parameters.

    It is held in frozen parameters rather than buffers, which DDP would broadcast at every step.

    Args:
        module: its present parameters start the average.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        self.averages = nn.ParameterList(
            nn.Parameter(parameter.detach().clone(), requires_grad=False) for parameter in trained.values()
        )
        self._names = list(trained)

    def parameters_by_name(self) -> dict[str, Tensor]:
        """The averages, by the names of the parameters."""
        return dict(zip(self._names, self.averages, strict=True))

    @torch.no_grad()
    def update(self, module: nn.Module, decay: float) -> None:
        """Moves the averages towards the present parameters."""
        torch._foreach_lerp_(list(self.averages), [module.get_parameter(name) for name in self._names], 1 - decay)
