"""An encoder's layers, by number, and perturbations of what they put out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


def encoder_layers(encoder: PreTrainedModel) -> nn.ModuleList | None:
    """The encoder's layers in order; None if it does not keep them as such (XLM has lists of their parts)."""
    number = encoder.config.num_hidden_layers
    for name, module in encoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == number and name.rpartition(".")[2] in _LISTS:
            return module
    return None


_LISTS = ("layer", "layers", "h", "block")  # what the families call them


@contextmanager
def shifted(layer: nn.Module, shift: Tensor) -> Iterator[None]:
    """Adds ``shift``, shape (B, T, H), to the layer's output while the context lasts."""

    def add(module: nn.Module, inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (output[0] + shift.to(output[0].dtype), *output[1:])
        return output + shift.to(output.dtype)

    handle = layer.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
