"""The order of examples, their batches and their share by device; and a loader that resumes in mid-epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from torch.utils.data import DataLoader, Sampler

from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.tokenization import Batch
from xltrobust.seeding import derived_seed


class EvaluationSampler(Sampler[list[tuple[int, int]]]):
    """The batches of one device's share of a test set; together the shares hold every example exactly once.

    Args:
        lengths: tokens of each text of the whole set.
        max_tokens: see :func:`length_batches`.
        rank: this device.
        world_size: the number of devices.
    """

    def __init__(self, lengths: Sequence[int], max_tokens: int, rank: int = 0, world_size: int = 1) -> None:
        share = range(rank, len(lengths), world_size)
        batches = length_batches([lengths[i] for i in share], max_tokens)
        self.batches = [[(0, share[i]) for i in batch] for batch in batches]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class TrainingSampler(Sampler[list[tuple[int, int]]]):
    """Shuffled batches of texts of similar length; the order is a function of (seed, epoch) alone.

    The examples left over after the last full global batch are dropped (different ones in every epoch) unless told
    otherwise. All devices take the same number of steps, and two devices see the batches that one would with twice the
    batch size.

    Args:
        lengths: tokens of each text, shape (N,).
        batch_size: examples per device and step.
        seed: of the order.
        rank: this device.
        world_size: the number of devices.
        pool: how many batches are sorted by length together; more means less padding and less shuffling.
        drop_last: whether the examples left over are dropped; otherwise they make a smaller batch, of which devices
            may have one example more or less.

    Yields:
        Lists of (epoch, index): the epoch travels with the index, because a loader's workers are copies that are never
        told of a new epoch.

    Raises:
        ValueError: if there are fewer examples than devices, in all or in a last batch that is not to be dropped.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        pool: int = 50,
        drop_last: bool = True,
    ) -> None:
        if len(lengths) < world_size:
            raise ValueError(
                f"Expected at least one training example per device ({world_size}), but got {len(lengths)}."
            )
        self.lengths = np.asarray(lengths)
        self.batch_size = min(batch_size, len(lengths) // world_size)
        left = len(lengths) % (self.batch_size * world_size)
        if not drop_last and 0 < left < world_size:
            raise ValueError(
                f"Expected the last batch to have an example for each of {world_size} devices, but {left} are left "
                "over; set `drop_last`, or another `batch_size`."
            )
        self.seed, self.rank, self.world_size, self.pool = seed, rank, world_size, pool
        self.drop_last = drop_last
        self.epoch = 0
        self.start = 0

    @property
    def sampler(self) -> TrainingSampler:
        """Itself, since Lightning calls ``set_epoch`` only on a batch sampler's ``sampler``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of every epoch; a new epoch starts at its first batch."""
        if epoch != self.epoch:
            self.epoch, self.start = epoch, 0

    def __len__(self) -> int:
        size = self.batch_size * self.world_size
        return len(self.lengths) // size if self.drop_last else -(-len(self.lengths) // size)

    def turns(self) -> np.ndarray:
        """In how many earlier epochs each example came, shape (N,)."""
        if len(self) * self.batch_size * self.world_size >= len(self.lengths):
            return np.full(len(self.lengths), self.epoch)
        counts = np.zeros(len(self.lengths), np.int64)
        for epoch in range(self.epoch):
            counts[self.shuffled(epoch)[0]] += 1
        return counts

    def shuffled(self, epoch: int | None = None) -> tuple[np.ndarray, np.random.Generator]:
        """An epoch's examples, of all devices, in the order in which they fill pools, and the generator used.

        None takes the present epoch.
        """
        rng = np.random.default_rng(derived_seed("order", self.seed, self.epoch if epoch is None else epoch))
        return rng.permutation(len(self.lengths))[: len(self) * self.batch_size * self.world_size], rng

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order, rng = self.shuffled()
        size = self.batch_size * self.world_size
        batches: list[np.ndarray] = []
        for first in range(0, len(order), size * self.pool):
            chunk = order[first : first + size * self.pool]
            chunk = chunk[np.argsort(self.lengths[chunk], kind="stable")]
            batches += np.split(chunk, range(size, len(chunk), size))
        for number in rng.permutation(len(batches))[self.start :]:
            yield [(self.epoch, int(index)) for index in batches[number][self.rank :: self.world_size]]


class ResumableStream(Protocol):
    """Batches without end; loading a state before the first one resumes it there."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def __next__(self) -> Batch: ...


class ResumableLoader(DataLoader):
    """A training loader that resumes in mid-epoch: its state is the number of batches delivered, modulo the length.

    The data module saves and restores the state with the trainer's checkpoints. Batches that workers have prefetched
    but the trainer has not seen do not count.

    Args:
        args: positional arguments of ``DataLoader``.
        kwargs: keyword arguments of ``DataLoader``.

    Attributes:
        pairs: a stream of batches of sentence pairs; each training batch gets the next one as ``batch["pairs"]``,
            unless it is empty. It runs on across epochs. None if there is none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pairs: ResumableStream | None = None
        self._delivered = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # A generator, because Lightning asks for the iterator before it tells the sampler the epoch.
        sampler: TrainingSampler = self.batch_sampler  # type: ignore[assignment]
        self._delivered = sampler.start
        sampler_length = len(sampler)
        for batch in self.batches():
            if self.pairs is not None and (pairs := next(self.pairs)):
                batch["pairs"] = pairs
            self._delivered = (self._delivered + 1) % sampler_length
            yield batch
        sampler.start = 0

    def batches(self) -> Iterator[Any]:
        """The task's batches, without pairs, from the sampler's ``start`` on."""
        return super().__iter__()

    def state_dict(self) -> dict[str, int]:
        sampler: TrainingSampler = self.batch_sampler  # type: ignore[assignment]
        state = {"epoch": sampler.epoch, "delivered": self._delivered}
        return state if self.pairs is None else state | self.pairs.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        sampler: TrainingSampler = self.batch_sampler  # type: ignore[assignment]
        sampler.epoch, sampler.start = state["epoch"], state["delivered"]
        self._delivered = state["delivered"]
        if self.pairs is not None:
            self.pairs.load_state_dict(state)
