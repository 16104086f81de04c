"""Batches of texts that change from epoch to epoch: views are made once, where they are loaded, a pool at a time."""

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
    """The order of :class:`TrainingSampler`, a pool of examples at a time; its length is that in batches.

    How long a text is in an epoch is known once its view is made, and that takes longer than all else in loading: so a
    worker is given a pool, makes its views, and batches them by their lengths. As the batches of two devices are those
    of one with twice the size, each device's workers make the views of the pools of all; dealt out beforehand, batches
    of 32 would be 4 to 6 % more padding.

    Yields:
        Lists of (epoch, index): the examples of ``pool`` global batches, fewer in the last list.
    """

    @property
    def global_batch_size(self) -> int:
        """Examples of a step, on all devices."""
        return self.batch_size * self.world_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order, _ = self.shuffled()
        size = self.global_batch_size * self.pool
        for first in range(self.start // self.pool * size, len(order), size):
            yield [(self.epoch, int(index)) for index in order[first : first + size]]


class PoolCollator:
    """Rows of a pool to one device's batches of texts of similar length, the shortest first.

    Args:
        collate: rows of a batch to a batch.
        sampler: which says how many examples are in a batch, and which of them are this device's; an example of several
            views has as many rows.
    """

    def __init__(self, collate: Callable[[Rows], Batch], sampler: PoolSampler) -> None:
        self.collate, self.size = collate, sampler.global_batch_size
        self.share = slice(sampler.rank, None, sampler.world_size)

    def __call__(self, rows: Rows) -> list[Batch]:
        """Batches of arrays: as tensors, a pool on its way from a worker would be hundreds of open files."""
        examples = [list(own) for _, own in groupby(rows, key=lambda row: row["index"])]
        order = np.argsort([max(map(_tokens, own)) for own in examples], kind="stable")
        batches = (order[first : first + self.size][self.share] for first in range(0, len(order), self.size))
        return [_converted(self.collate([row for i in own for row in examples[i]])) for own in batches]


class PoolLoader(ResumableLoader):
    """Takes batches out of their pools in an order that is a function of (seed, epoch, pool), on all devices alike."""

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
    """Tensors to arrays and arrays to tensors, without copying unless they are to be pinned."""
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
