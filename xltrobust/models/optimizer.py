"""AdamW's parameter groups and the learning rate schedule usual in fine-tuning."""

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
        module: the parameters of it that require gradients are grouped.
        encoder_prefix: the prefix of the names of the encoder's parameters.
        encoder_lr: learning rate of the encoder.
        head_lr: learning rate of everything else.
        weight_decay: of matrices; vectors (biases and normalisation weights) get none.
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
    """The share of the peak learning rate at a step: it rises from 0 over ``warmup * steps`` steps, then falls to 0.

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
    """Applies :func:`linear_factor` to every group of an optimizer.

    Args:
        optimizer: the learning rates of its groups are the peaks.
        steps: the length of the training.
        warmup: the share of the training over which the rates rise.
        done: the progress at an optimizer step, in the unit of ``steps``.
    """
    return LambdaLR(optimizer, lambda step: linear_factor(done(step), steps, warmup))
