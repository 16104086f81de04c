"""Tokenized examples as a torch data set, and the collator that makes batches of its rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch.utils.data import Dataset

from xltrobust.datamodules.draw import Draw
from xltrobust.encoders.tokenization import Batch, Tokenization, TokenTable
from xltrobust.example import Example
from xltrobust.seeding import derived_seed

View = Callable[[Sequence[Example], random.Random], Sequence[Example]]
Augmentation = Callable[[Sequence[Example], Draw], Sequence[Example]]
Key = tuple[int, int] | tuple[int, int, int]  # epoch and index, and the turn where it is not the epoch


class TokenizedExamples(Dataset[dict[str, Any]]):
    """Examples with their token ids. Texts that are augmented are tokenized again each time they are loaded.

    Args:
        examples: the examples.
        tokenization: turns texts into token ids.
        augmentations: applied one after another; each returns the changed example, or several in its place.
        views: by name, functions that make a second version of each example: of its translation, where an augmentation
            of stage 0 has put one text in the place of another.
        seed: of augmentations and views.
        stages: of the augmentations; 1 where there are none.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenization: Tokenization,
        augmentations: Sequence[Augmentation] = (),
        views: Mapping[str, View] = MappingProxyType({}),
        seed: int = 0,
        stages: Sequence[int] = (),
    ) -> None:
        self.examples = list(examples)
        self.tokenization = tokenization
        self.augmentations = augmentations
        self.views = views
        self.seed = seed
        self.stages = stages
        self.table: TokenTable = tokenization.table(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def changes(self) -> bool:
        """Whether an example's texts differ from epoch to epoch."""
        return bool(self.augmentations or self.views)

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: list[Key]) -> list[dict[str, Any]]:
        if not self.changes:
            return [self.table.row(i) | {"label": self.examples[i].label, "index": i} for _, i, *_ in keys]
        return self._fresh(keys)

    def augmented(
        self, i: int, epoch: int, turn: int, until: Augmentation | None = None
    ) -> tuple[Sequence[Example], Example, list[int]]:
        """What the augmentations (those before ``until``) make of an example; the text that views are made of; and the
        rows of pairs that they took texts from.

        Args:
            i: the example's place.
            epoch: the epoch.
            turn: how often the example was trained on in earlier epochs.
            until: an augmentation; None applies all.
        """
        original = self.examples[i]
        found: Sequence[Example] = [original]
        rows: list[int] = []
        for number, augment in enumerate(self.augmentations):
            if augment == until:
                break
            seed = derived_seed("augment", self.seed, epoch, i, number)
            draw = Draw(seed, run=self.seed, index=i, epoch=epoch, turn=turn)
            found = augment(found, draw)
            rows += draw.visited
            if len(found) == 1 and number < len(self.stages) and self.stages[number] == 0:
                original = found[0]
        return found, original, rows

    def _fresh(self, keys: list[Key]) -> list[dict[str, Any]]:
        found: list[tuple[int, Example]] = []
        visited: list[list[int]] = []
        seconds: dict[str, list[Example]] = {name: [] for name in self.views}
        for epoch, i, *turn in keys:
            # Seeded by example and epoch, so that it does not matter which worker or device makes a view.
            place = (self.seed, epoch, i)
            augmented, original, rows = self.augmented(i, epoch, turn[0] if turn else epoch)
            found += [(i, example) for example in augmented]
            visited += [rows, *([[]] * (len(augmented) - 1))] if augmented else []
            for name, view in self.views.items():
                (second,) = view([original], random.Random(derived_seed("view", *place, name)))
                seconds[name] += [second] * len(augmented)
        # Not kept in files, since no other epoch has these texts.
        fresh = self.tokenization.table([example for _, example in found], keep=False)
        tables = {name: self.tokenization.table(examples, keep=False) for name, examples in seconds.items()}
        made: list[dict[str, Any]] = [
            fresh.row(j) | {"label": example.label, "index": i} for j, (i, example) in enumerate(found)
        ]
        for j, row in enumerate(made):
            if tables:
                row["views"] = {name: table.row(j) for name, table in tables.items()}
            if visited[j]:
                row["visited"] = visited[j]
        return made


class Collator:
    """Makes a batch of rows of :class:`TokenizedExamples`.

    A batch has the model's inputs, ``labels`` (B,), ``index`` (B,), the examples' places in the data set, ``views``,
    the model's inputs of each view, if there are any, and ``visited``, the rows of the sentence pairs that its texts
    were taken from, if any were.

    Args:
        tokenization: pads the rows.
        to_grid: see :meth:`Tokenization.collate`.
    """

    def __init__(self, tokenization: Tokenization, to_grid: bool) -> None:
        self.tokenization, self.to_grid = tokenization, to_grid

    def __call__(self, rows: list[dict[str, Any]]) -> Batch:
        extra: Batch = {
            "labels": torch.tensor([row.pop("label") for row in rows]),
            "index": torch.tensor([row.pop("index") for row in rows]),
        }
        if views := [row.pop("views") for row in rows if "views" in row]:
            extra["views"] = {
                name: self.tokenization.collate([view[name] for view in views], self.to_grid) for name in views[0]
            }
        if visited := [pair for row in rows for pair in row.pop("visited", ())]:
            extra["visited"] = torch.tensor(visited)
        return self.tokenization.collate(rows, self.to_grid) | extra
