"""Parameter groups and the learning rate's schedule."""

from __future__ import annotations

import torch
from torch import nn
from transformers import get_linear_schedule_with_warmup

from xltrobust.models.optimizer import linear_schedule, parameter_groups


def small_module() -> nn.Module:
    module = nn.Module()
    module.encoder = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    module.head = nn.Linear(3, 2)
    module.encoder[0].weight.requires_grad_(False)
    return module


def test_every_trained_parameter_is_in_one_group() -> None:
    module = small_module()
    groups = parameter_groups(module, "encoder.", 0.1, 1.0, 0.01)
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(id(p) for p in module.parameters() if p.requires_grad)
    for group in groups:
        for parameter in group["params"]:
            assert group["lr"] == (1.0 if parameter is module.head.weight or parameter is module.head.bias else 0.1)
            assert group["weight_decay"] == (0.01 if parameter.ndim > 1 else 0.0)


def test_schedule_is_transformers_own() -> None:
    for steps, warmup in ((10, 0.2), (7, 0.0), (20, 0.5)):
        rates = []
        for make in (
            lambda o, s=steps, w=warmup: linear_schedule(o, s, w),
            lambda o, s=steps, w=warmup: get_linear_schedule_with_warmup(o, int(s * w), s),
        ):
            optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
            schedule = make(optimizer)
            own = []
            for _ in range(steps):
                own.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                schedule.step()
            rates.append(own)
        assert torch.allclose(torch.tensor(rates[0]), torch.tensor(rates[1]))
