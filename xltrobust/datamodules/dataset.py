"""Examples as a torch data set, and rows of it as a batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from xltrobust.datamodules.tokenization import Batch, Tokenization, TokenTable
from xltrobust.example import Example
from xltrobust.seeding import derived_seed

Augmentation = Callable[[Sequence[Example], random.Random], Sequence[Example]]


class TokenizedExamples(Dataset[dict[str, Any]]):
    """Examples and their token ids; texts that augmentations change are tokenized again where they are changed."""

    def __init__(
        self,
        examples: Sequence[Example],
        tokenization: Tokenization,
        augmentations: Sequence[Augmentation] = (),
        seed: int = 0,
    ) -> None:
        self.examples = list(examples)
        self.tokenization = tokenization
        self.augmentations = augmentations
        self.seed = seed
        self.table: TokenTable = tokenization.table(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: list[tuple[int, int]]) -> list[dict[str, Any]]:
        if not self.augmentations:
            return [self.table.row(i) | {"label": self.examples[i].label, "index": i} for _, i in keys]
        views: list[tuple[int, Example]] = []
        for epoch, i in keys:
            own: Sequence[Example] = [self.examples[i]]
            for number, augment in enumerate(self.augmentations):
                # Seeded by example and epoch: the same view whichever worker or device makes it.
                own = augment(own, random.Random(derived_seed("augment", self.seed, epoch, i, number)))
            views += [(i, example) for example in own]
        fresh = self.tokenization.table([example for _, example in views])
        return [fresh.row(j) | {"label": example.label, "index": i} for j, (i, example) in enumerate(views)]


class Collator:
    """Rows of a data set to a batch: the model's inputs, ``labels`` (B,) and ``index`` (B,) into the set's examples."""

    def __init__(self, tokenization: Tokenization, to_grid: bool) -> None:
        self.tokenization, self.to_grid = tokenization, to_grid

    def __call__(self, rows: list[dict[str, Any]]) -> Batch:
        extra = {
            "labels": torch.tensor([row.pop("label") for row in rows]),
            "index": torch.tensor([row.pop("index") for row in rows]),
        }
        return self.tokenization.collate(rows, self.to_grid) | extra
