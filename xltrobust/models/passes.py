"""What training costs: passes of the encoder, counted where they happen, by tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor


class Passes(NamedTuple):
    """Passes of the encoder: of a batch, or of so many tokens.

    Args:
        forwards: forward passes.
        backwards: full backward passes, with the parameters' gradients.
        input_backwards: backward passes for the gradient with respect to the input alone.

    >>> Passes(2, 1, 1).equivalents
    5
    """

    forwards: int = 0
    backwards: int = 0
    input_backwards: int = 0

    @property
    def equivalents(self) -> int:
        """The cost in forward passes. A matrix product has two gradients, each as dear as the product itself."""
        return self.forwards + 2 * self.backwards + self.input_backwards

    def plus(self, other: Passes) -> Passes:
        """The sum, kind by kind."""
        return Passes(*(own + more for own, more in zip(self, other, strict=True)))


PLAIN = Passes(forwards=1, backwards=1)  # of a training step without regularizers


class PassCounter:
    """Counts tokens, padding left out, that passed the encoder; on its device, so that counting waits for nothing.

    Forward passes are reported by the encoder's caller. Backward passes report themselves, by a hook on the encoder's
    output: a pass that an optimization saved, or a branch that no gradient flows through, is not counted.
    """

    def __init__(self) -> None:
        self.counts = torch.zeros(3, dtype=torch.int64)
        self._backward = 1

    def count(self, hidden: Tensor, mask: Tensor) -> None:
        """Counts a forward pass, and in time its backward passes.

        Args:
            hidden: the encoder's output, shape (B, T, H).
            mask: what is not padding, shape (B, T).
        """
        tokens = mask.sum()
        self._add(0, tokens)
        if hidden.requires_grad:
            hidden.register_hook(lambda _: self._add(self._backward, tokens))

    @contextmanager
    def input_only(self) -> Iterator[None]:
        """Backward passes in here leave the parameters alone."""
        self._backward = 2
        try:
            yield
        finally:
            self._backward = 1

    def _add(self, kind: int, tokens: Tensor) -> None:
        if self.counts.device != tokens.device:
            self.counts = self.counts.to(tokens.device)
        self.counts[kind] += tokens
