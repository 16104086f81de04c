"""A prepared corpus of sentence pairs: cleaned, selected and ready for training."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xltrobust.datamodules.parallel.arrow import column, open_pairs
from xltrobust.datamodules.parallel.controls import Control
from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.example import Example
from xltrobust.perturb.random_view import RandomView
from xltrobust.seeding import derived_seed

LanguagePair = tuple[str, str]
_TRIES = 200


class PairData:
    """The training pairs, by row, and the held-out pairs, by language pair.

    Args:
        folder: with ``train.arrow`` and ``held_out.arrow``.
        record: the pairs' sources, counts of what was left out, and ``hash``, which identifies the training pairs.
        control: ``shuffled_pairs`` gives every source the target of another pair of the same languages that is not a
            translation of it; ``source_views`` puts the source text itself in the target's place.
        seed: of the shuffling and of ``view``.
        view: with ``source_views``, changes that text at random, in the same way whenever its row is read.
    """

    def __init__(
        self,
        folder: Path,
        record: dict[str, Any],
        control: Control | None = None,
        seed: int = 0,
        view: RandomView | None = None,
    ) -> None:
        self.folder, self.record, self.control, self.view = folder, record, control, view
        self.languages: list[LanguagePair] = [(source, target) for source, target in record["languages"]]
        self._train, self._held_out = open_pairs(folder / "train.arrow"), open_pairs(folder / "held_out.arrow")
        self.groups = column(self._train, "group")
        self._seed = seed

    @property
    def without_control(self) -> PairData:
        """The same data with true pairs."""
        return PairData(self.folder, self.record, None, self._seed)

    def __len__(self) -> int:
        return len(self._train)

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of characters in both texts of each training pair, shape (N,); of true pairs whatever the control.

        A control's batches are therefore of the same rows.
        """
        return column(self._train, "length")

    def pairs(self, rows: Sequence[int] | np.ndarray) -> list[SentencePair]:
        """Training pairs, by row."""
        chosen = self._train[np.asarray(rows)]
        languages = [self.languages[group] for group in chosen["group"]]
        if self.control == "source_views":
            return [
                SentencePair(source, self._viewed(source, pair[0], int(row)), pair[0], pair[0])
                for source, pair, row in zip(chosen["source"], languages, rows, strict=True)
            ]
        targets = chosen["target"]
        if self.control == "shuffled_pairs":
            targets = self._train[self._partners[np.asarray(rows)]]["target"]
        return [
            SentencePair(source, target, *pair)
            for source, target, pair in zip(chosen["source"], targets, languages, strict=True)
        ]

    def texts(self, row: int) -> tuple[str, str]:
        """The source and target text of one training pair; faster than :meth:`pairs` for a few rows.

        Not for ``source_views``, which has no translations.
        """
        assert self.control != "source_views"
        partner = self._partners[row] if self.control == "shuffled_pairs" else row
        texts = self._train.data
        return texts.column("source")[int(row)].as_py(), texts.column("target")[int(partner)].as_py()

    def sources(self, groups: Sequence[int]) -> Iterator[tuple[int, str]]:
        """The rows of some language pairs, by their numbers in :attr:`languages`, with their source texts."""
        start = 0
        for chunk in self._train.data.column("source").chunks:
            for at in np.flatnonzero(np.isin(self.groups[start : start + len(chunk)], groups)).tolist():
                yield start + at, chunk[at].as_py()
            start += len(chunk)

    def rows(self, languages: LanguagePair) -> np.ndarray:
        """The training rows of one language pair."""
        return np.flatnonzero(self.groups == self.languages.index(languages))

    def held_out(self, languages: LanguagePair) -> list[SentencePair]:
        """The held-out pairs of one language pair. These are true pairs whatever the control."""
        group = self.languages.index(languages)
        chosen = self._held_out[np.flatnonzero(column(self._held_out, "group") == group)]
        return [
            SentencePair(source, target, *languages)
            for source, target in zip(chosen["source"], chosen["target"], strict=True)
        ]

    def _viewed(self, text: str, language: str, row: int) -> str:
        if self.view is None:
            return text
        rng = random.Random(derived_seed("source view", self._seed, row))
        return self.view(Example("", language, text, 0), rng).text

    @cached_property
    def _partners(self) -> np.ndarray:
        """For each row, another of the same languages whose target does not translate its source; a permutation."""
        partners = np.arange(len(self))
        for group in range(len(self.languages)):
            rows = np.flatnonzero(self.groups == group)
            chosen = self._train[rows]
            sources, targets = [[text.casefold() for text in chosen[side]] for side in ("source", "target")]
            rng = np.random.default_rng(derived_seed("shuffled", self._seed, group))
            partners[rows] = rows[apart(sources, targets, rng)]
        return partners


def apart(sources: Sequence[str], targets: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """A random permutation, shape (N,), that gives no source a target that is its translation in any pair.

    Matches are repaired by random swaps. A source for which no swap is found keeps its true target.
    """
    true = set(zip(sources, targets, strict=True))
    partners = rng.permutation(len(sources))

    def mismatched(at: int, partner: int) -> bool:
        return (sources[at], targets[partner]) not in true

    for at in range(len(sources)):
        if mismatched(at, partners[at]):
            continue
        for other in rng.integers(len(sources), size=_TRIES):
            if mismatched(at, partners[other]) and mismatched(int(other), partners[at]):
                partners[[at, other]] = partners[[other, at]]
                break
    return partners
