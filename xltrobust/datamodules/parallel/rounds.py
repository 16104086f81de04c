"""A stream of sentence pairs that visits every pair equally often over a training of known length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from torch.utils.data import Sampler

from xltrobust.seeding import derived_seed

POOL = 100  # batches that are sorted by length together


class RoundsSampler(Sampler[list[int]]):
    """The pairs of each batch of a training, which together are every pair ``rounds`` times.

    The batches that train on pairs get equally many, or one pair fewer than others; the rest get none. Devices get
    equally many of each batch, because contrastive terms put their vectors together. Where the visits cannot be shared
    out equally among W devices, up to W - 1 pairs are visited once more.

    A batch depends on the seed and its number only. Each round goes over the pairs in a new order; within a pool of
    batches, pairs of similar length share a batch.

    Args:
        lengths: the length of each pair, shape (N,).
        rounds: how often each pair is visited, at least once.
        used: whether each batch of the training has a term that trains on pairs, shape (B,).
        seed: of the order.
        rank: this device.
        world_size: the number of devices.
        pool: how many batches are sorted by length together.

    Attributes:
        start: the number of the first batch to yield.
        sizes: pairs a device of each batch, shape (B,).

    Yields:
        Rows; none for a batch that does not train on pairs.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        rounds: int,
        used: np.ndarray,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        pool: int = POOL,
    ) -> None:
        self.lengths, self.rounds, self.used, self.seed = lengths, rounds, used, seed
        self.rank, self.world_size, self.pool = rank, world_size, pool
        self.start = 0
        total, batches = -(-rounds * len(lengths) // world_size), int(used.sum())
        self._edges = np.arange(batches + 1) * total // max(1, batches)  # of the batches, in pairs a device
        self.sizes = np.zeros(len(used), np.int64)
        self.sizes[used] = np.diff(self._edges)
        self._round = lru_cache(2)(self._shuffled)

    def __len__(self) -> int:
        return len(self.used)

    def __iter__(self) -> Iterator[list[int]]:
        pool: Sequence[np.ndarray] = ()
        at, current = int(self.used[: self.start].sum()), -1
        for used in self.used[self.start :]:
            if not used:
                yield []
                continue
            number, place = divmod(at, self.pool)
            if number != current:
                pool, current = self._batches(number), number
            yield pool[place][self.rank :: self.world_size].tolist()
            at += 1

    def _batches(self, number: int) -> list[np.ndarray]:
        """The batches of a pool, each with the rows of all devices."""
        edges = self._edges[number * self.pool : (number + 1) * self.pool + 1] * self.world_size
        rows = part_of_rounds(self._round, len(self.lengths), int(edges[0]), int(edges[-1]))
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        # Batches differ in size by a pair: which of them gets the shortest pairs is drawn before they are cut.
        order = np.random.default_rng(derived_seed("pool of pairs", self.seed, number)).permutation(len(edges) - 1)
        ends = np.cumsum(np.diff(edges)[order])
        cut = np.split(rows, ends[:-1])
        return [cut[place] for place in np.argsort(order)]

    def _shuffled(self, number: int) -> np.ndarray:
        return np.random.default_rng(derived_seed("pairs", self.seed, number)).permutation(len(self.lengths))


def part_of_rounds(round_of: Callable[[int], np.ndarray], size: int, first: int, end: int) -> np.ndarray:
    """A part of an endless sequence of rounds, each an order of the same N things: from place ``first`` to ``end``.

    Args:
        round_of: the order of a round, shape (N,), by the round's number.
        size: N.
        first: the place of the first in the sequence.
        end: one past that of the last.

    >>> part_of_rounds(lambda number: np.arange(3) + 10 * number, 3, 2, 5)
    array([ 2, 10, 11])
    """
    rounds = range(first // size, -(-end // size))
    parts = [round_of(number)[max(0, first - number * size) : end - number * size] for number in rounds]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def training_batches(
    batches: int, *, max_epochs: int | None, max_steps: int, accumulate: int, limit: float | None = None
) -> np.ndarray | None:
    """How many batches each optimizer step of a training takes, shape (S,); None if the training has no known end.

    As in Lightning, an epoch's last step takes the batches that are left.

    Args:
        batches: of an epoch.
        max_epochs: the trainer's; None or -1 for no bound.
        max_steps: the trainer's; -1 for no bound.
        accumulate: batches a step.
        limit: of an epoch's batches: a number, or a share if it is a float; None for all.

    >>> training_batches(5, max_epochs=2, max_steps=-1, accumulate=2).tolist()
    [2, 2, 1, 2, 2, 1]
    >>> training_batches(5, max_epochs=-1, max_steps=4, accumulate=2, limit=4).tolist()
    [2, 2, 2, 2]
    """
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    steps_an_epoch = -(-batches // accumulate)
    bounds = [max_epochs * steps_an_epoch] if max_epochs is not None and max_epochs >= 0 else []
    bounds += [max_steps] if max_steps >= 0 else []
    if not bounds or not steps_an_epoch:
        return None
    taken = np.full(steps_an_epoch, accumulate)
    taken[-1] = batches - accumulate * (steps_an_epoch - 1)
    return np.resize(taken, min(bounds))
