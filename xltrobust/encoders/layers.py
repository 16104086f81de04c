"""An encoder's layers by number, and perturbation of their outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel


def encoder_layers(encoder: PreTrainedModel) -> nn.ModuleList | None:
    """The encoder's layers in order; None if it has no list of layers (XLM has lists of their parts instead)."""
    number = encoder.config.num_hidden_layers
    for name, module in encoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == number and name.rpartition(".")[2] in _LISTS:
            return module
    return None


_LISTS = ("layer", "layers", "h", "block")  # the names of this list in the model families


@contextmanager
def shifted(layer: nn.Module, shift: Tensor) -> Iterator[None]:
    """Adds ``shift``, shape (B, T, H), to the layer's output inside the ``with`` block."""

    def add(module: nn.Module, inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (output[0] + shift.to(output[0].dtype), *output[1:])
        return output + shift.to(output.dtype)

    handle = layer.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
