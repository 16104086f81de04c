"""Batches of texts that change from epoch to epoch: each view is made once, by the worker that loads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
import torch

from xltrobust.datamodules.samplers import ResumableLoader, TrainingSampler
from xltrobust.encoders.tokenization import Batch
from xltrobust.seeding import derived_seed

Rows = list[dict[str, Any]]


class PoolSampler(TrainingSampler):
    """Yields the examples in the order of :class:`TrainingSampler`, a pool at a time; its length counts batches.

    The length of a text in an epoch is known only when its view has been made, which is the slowest part of loading.
    Therefore a worker gets a whole pool, makes the views, and puts texts of similar length into one batch. Two devices
    together get the batches that one device with twice the batch size would get, so the workers of each device make the
    views of all devices' examples. If examples were shared out before their lengths are known, batches of 32 would have
    4 to 6 % more padding.

    Yields:
        Lists of (epoch, index, turn): the examples of ``pool`` global batches, or fewer in the last list, and in how
        many earlier epochs each of them came.
    """

    @property
    def global_batch_size(self) -> int:
        """Examples per step on all devices together."""
        return self.batch_size * self.world_size

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:  # type: ignore[override]
        order, _ = self.shuffled()
        turns = self.turns()
        size = self.global_batch_size * self.pool
        for first in range(self.start // self.pool * size, len(order), size):
            yield [(self.epoch, int(index), int(turns[index])) for index in order[first : first + size]]


class PoolCollator:
    """Makes one device's batches, the shortest texts first, of the rows of a pool.

    An example has as many rows as augmentations made of it.

    Args:
        collate: makes a batch of the rows of a batch.
        sampler: knows how many examples a batch has and which of them are this device's.
    """

    def __init__(self, collate: Callable[[Rows], Batch], sampler: PoolSampler) -> None:
        self.collate, self.size = collate, sampler.global_batch_size
        self.share = slice(sampler.rank, None, sampler.world_size)

    def __call__(self, rows: Rows) -> list[Batch]:
        """Batches of arrays: each tensor that a worker sends is an open file, and a pool would be hundreds of them."""
        examples = [list(versions) for _, versions in groupby(rows, key=lambda row: row["index"])]
        order = np.argsort([max(map(_tokens, versions)) for versions in examples], kind="stable")
        batches = (order[first : first + self.size][self.share] for first in range(0, len(order), self.size))
        return [_converted(self.collate([row for i in batch for row in examples[i]])) for batch in batches]


class PoolLoader(ResumableLoader):
    """Gives the batches of each pool in an order that depends on (seed, epoch, pool) only, on all devices alike."""

    def batches(self) -> Iterator[Batch]:
        sampler: PoolSampler = self.batch_sampler  # type: ignore[assignment]
        number, delivered = divmod(sampler.start, sampler.pool)
        for pool in super().batches():
            rng = np.random.default_rng(derived_seed("pool", sampler.seed, sampler.epoch, number))
            for place in rng.permutation(len(pool))[delivered:]:
                yield _converted(pool[place], self.pin_memory)
            number, delivered = number + 1, 0


def _tokens(row: dict[str, Any]) -> int:
    return len(row["input_ids"]) + sum(len(view["input_ids"]) for view in row.get("views", {}).values())


def _converted(batch: Batch, pinned: bool = False) -> Batch:
    """A batch with arrays in place of tensors, or the reverse; data are copied only if they are to be pinned."""
    converted: Batch = {}
    for name, value in batch.items():
        if isinstance(value, dict):
            converted[name] = _converted(value, pinned)
        elif isinstance(value, torch.Tensor):
            converted[name] = value.numpy()
        else:
            tensor = torch.from_numpy(value)
            converted[name] = tensor.pin_memory() if pinned else tensor
    return converted
