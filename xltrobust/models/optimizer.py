"""AdamW's parameter groups and the learning rate's schedule, as fine-tuning recipes have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def parameter_groups(
    module: nn.Module, encoder_prefix: str, encoder_lr: float, head_lr: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Four groups: encoder and everything else, each with and without weight decay.

    Args:
        module: its parameters that require gradients are grouped.
        encoder_prefix: begins the names of the encoder's parameters.
        encoder_lr: the encoder's learning rate.
        head_lr: everything else's.
        weight_decay: for matrices; biases and normalisation weights, which are vectors, have none.
    """
    groups = {
        (encoder, decays): {
            "params": [],
            "lr": encoder_lr if encoder else head_lr,
            "weight_decay": weight_decay if decays else 0.0,
        }
        for encoder in (True, False)
        for decays in (True, False)
    }
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            groups[name.startswith(encoder_prefix), parameter.ndim > 1]["params"].append(parameter)  # type: ignore[attr-defined]
    return [group for group in groups.values() if group["params"]]


def linear_factor(step: float, steps: float, warmup: float) -> float:
    """Share of the peak learning rate at a step: up from zero over ``warmup * steps`` steps, then down to zero.

    >>> [linear_factor(step, 10, 0.2) for step in (0, 1, 2, 6, 10)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    rising = warmup * steps
    if step < rising:
        return step / rising
    return max(0.0, (steps - step) / (steps - rising or 1.0))


def linear_schedule(
    optimizer: Optimizer, steps: float, warmup: float, done: Callable[[int], float] = float
) -> LambdaLR:
    """The schedule of :func:`linear_factor` for every group of an optimizer.

    Args:
        optimizer: its groups' learning rates are the peaks.
        steps: how long the training is.
        warmup: share of it.
        done: how far it is at a step, in the unit of ``steps``.
    """
    return LambdaLR(optimizer, lambda step: linear_factor(done(step), steps, warmup))
