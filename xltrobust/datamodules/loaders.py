"""The loaders of a task's data: for training, for validation of the languages that are due, and for the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader

from xltrobust.datamodules.dataset import Collator, TokenizedExamples
from xltrobust.datamodules.samplers import EvaluationSampler, ResumableLoader, TrainingSampler
from xltrobust.datamodules.view_pools import PoolCollator, PoolLoader, PoolSampler
from xltrobust.encoders.tokenization import Tokenization


class TargetTurns:
    """Whether the validation that is under way covers the target languages; before the first one, that it does.

    Args:
        due: whether they are due when a validation begins.
    """

    def __init__(self, due: Callable[[], bool]) -> None:
        self._due = due
        self.now = True

    def begin(self) -> None:
        """A validation begins."""
        self.now = self._due()


class ValidationLoader(DataLoader):
    """Loads the dev set of one language; a target language's has no batches, and so no length, unless it is due.

    Lightning asks for the loaders of a training once. It asks for their lengths before the first validation, when they
    have to be those of a validation of all languages, and at each validation right after it has started to iterate over
    the first loader, when they have to be this validation's: it tells by them which batch is the last.

    Args:
        args: see :class:`torch.utils.data.DataLoader`.
        turns: of the target languages, the same for all loaders of a validation.
        source: whether this is the source language's loader, which has to be the first.
        kwargs: see :class:`torch.utils.data.DataLoader`.
    """

    def __init__(self, *args: Any, turns: TargetTurns, source: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns, self._source = turns, source

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        if self._source:
            self._turns.begin()
        return super().__iter__() if self._source or self._turns.now else iter(())

    def __len__(self) -> int:
        return super().__len__() if self._source or self._turns.now else 0


@dataclass(frozen=True)
class Loaders:
    """Makes one device's loaders.

    Args:
        tokenization: how texts are tokenized.
        options: of every loader, as :class:`torch.utils.data.DataLoader` names them.
        rank: the device.
        world_size: the number of devices.
    """

    tokenization: Tokenization
    options: Mapping[str, Any]
    rank: int = 0
    world_size: int = 1

    def training(self, data: TokenizedExamples, batch_size: int, seed: int, drop_last: bool = True) -> ResumableLoader:
        """Loads shuffled batches, without pairs.

        Args:
            data: the training examples, which may change from epoch to epoch.
            batch_size: examples per device and step.
            seed: of the order.
            drop_last: whether examples that do not fill a last batch are dropped.
        """
        order = (data.table.lengths.tolist(), batch_size, seed, self.rank, self.world_size)
        collator = Collator(self.tokenization, to_grid=False)
        if data.changes:
            pools = PoolSampler(*order, drop_last=drop_last)
            return PoolLoader(data, batch_sampler=pools, collate_fn=PoolCollator(collator, pools), **self.options)
        sampler = TrainingSampler(*order, drop_last=drop_last)
        return ResumableLoader(data, batch_sampler=sampler, collate_fn=collator, **self.options)

    def test(self, data: TokenizedExamples, max_tokens: int) -> DataLoader:
        """Loads every example once, in batches of at most ``max_tokens`` tokens, padding included."""
        return DataLoader(**self._evaluation(data, max_tokens))

    def validation(
        self, data: TokenizedExamples, max_tokens: int, turns: TargetTurns, *, source: bool
    ) -> ValidationLoader:
        """The same for one language of a validation: see :class:`ValidationLoader`."""
        return ValidationLoader(**self._evaluation(data, max_tokens), turns=turns, source=source)

    def _evaluation(self, data: TokenizedExamples, max_tokens: int) -> dict[str, Any]:
        sampler = EvaluationSampler(data.table.lengths.tolist(), max_tokens, self.rank, self.world_size)
        collator = Collator(self.tokenization, to_grid=True)
        return {"dataset": data, "batch_sampler": sampler, "collate_fn": collator, **self.options}
