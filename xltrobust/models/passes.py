"""The cost of training: tokens passed through the encoder, counted where the passes happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor


class Passes(NamedTuple):
    """Encoder passes: of a batch as a whole, or counted in tokens.

    Args:
        forwards: forward passes.
        backwards: full backward passes, which compute the parameters' gradients.
        input_backwards: backward passes that compute the gradient with respect to the input alone.

    >>> Passes(2, 1, 1).equivalents
    5
    """

    forwards: int = 0
    backwards: int = 0
    input_backwards: int = 0

    @property
    def equivalents(self) -> int:
        """The cost in forward passes. A matrix product has two gradients, each as expensive as the product."""
        return self.forwards + 2 * self.backwards + self.input_backwards

    def plus(self, other: Passes) -> Passes:
        """The sum of each kind of pass."""
        return Passes(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


PLAIN = Passes(forwards=1, backwards=1)  # of a training step without regularizers


class PassCounter:
    """Counts the tokens, without padding, of encoder passes; on the encoder's device, so that nothing is synchronized.

    The encoder's caller reports forward passes. Backward passes are counted by a hook on the encoder's output, and so
    only if they happen: not where one is saved, nor in a branch that no gradient flows through.
    """

    def __init__(self) -> None:
        self.counts = torch.zeros(3, dtype=torch.int64)
        self._backward: int | None = 1

    def count(self, hidden: Tensor, mask: Tensor) -> None:
        """Counts a forward pass and, when they happen, its backward passes.

        Args:
            hidden: the encoder's output, shape (B, T, H).
            mask: 1 for tokens, 0 for padding, shape (B, T).
        """
        tokens = mask.sum()
        self._add(0, tokens)
        if hidden.requires_grad:
            hidden.register_hook(lambda _: self._add(self._backward, tokens))

    @contextmanager
    def input_only(self) -> Iterator[None]:
        """Counts backward passes in its block as input-only: they compute no gradients of parameters."""
        self._backward = 2
        try:
            yield
        finally:
            self._backward = 1

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Counts no backward passes in its block: they end at the encoder's output."""
        self._backward = None
        try:
            yield
        finally:
            self._backward = 1

    def _add(self, kind: int | None, tokens: Tensor) -> None:
        if kind is None:
            return
        if self.counts.device != tokens.device:
            self.counts = self.counts.to(tokens.device)
        self.counts[kind] += tokens
