"""What a change of a training text may draw on: random numbers, the example's index, the epoch and the turn."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from xltrobust.seeding import derived_seed

_PHASES = 1 << 32


class Draw(random.Random):
    """The random numbers for one example in one epoch, and what they are for; the same in every worker and device.

    Args:
        seed: of the random numbers.
        run: the run's seed.
        index: the example's place in the training set.
        epoch: the epoch.
        turn: how often the example was trained on in earlier epochs: in each epoch, those that do not fill a last
            batch are left out.

    Attributes:
        visited: the rows of the sentence pairs that the text was taken from; whatever takes one adds it here.
    """

    def __new__(cls, seed: int, **_: int) -> Draw:
        return super().__new__(cls, seed)  # type: ignore[call-arg]  # the stubs lack it

    def __init__(self, seed: int, *, run: int = 0, index: int = 0, epoch: int = 0, turn: int = 0) -> None:
        super().__init__(seed)
        self.run, self.index, self.epoch, self.turn = run, index, epoch, turn
        self.visited: list[int] = []

    def visit(self, rows: Iterable[int]) -> None:
        """Notes the rows of the sentence pairs that a text was taken from."""
        self.visited += rows

    def cycled(self, options: int, share: float, purpose: str) -> int | None:
        """One of N options, such that the example goes through all of them before one comes again; None: none now.

        The n-th option that an example gets is the n-th of a permutation drawn anew for each round of N. With ``share``
        1 it gets one at every turn; with less, the first T turns have the share of T, rounded down or up. So all N have
        come once after N / share turns (rounded up), whatever the seed. ``run``, ``index``, ``turn`` and ``purpose``
        determine the answer.

        Args:
            options: N; with none, there is none to give.
            share: of the turns at which the example gets one, from 0 to 1.
            purpose: draws for different purposes are independent.

        >>> draws = [Draw(0, index=7, turn=turn) for turn in range(6)]
        >>> [sorted(draw.cycled(3, 1.0, "a") for draw in draws[at : at + 3]) for at in (0, 3)]
        [[0, 1, 2], [0, 1, 2]]
        """
        if not options:
            return None
        key = ("cycle", self.run, self.index, purpose)
        phase = (derived_seed(*key) % _PHASES + 0.5) / _PHASES  # never so near an end that rounding would shift a turn
        before, after = (math.floor(turn * share + phase) for turn in (self.turn, self.turn + 1))
        if before == after:
            return None
        order = list(range(options))
        random.Random(derived_seed(*key, before // options)).shuffle(order)
        return order[before % options]
