"""A corpus of sentence pairs, cleaned and chosen: what learning from parallel text reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from xltrobust.datamodules.bitext import SentencePair
from xltrobust.datamodules.pair_files import column, open_pairs
from xltrobust.seeding import derived_seed

LanguagePair = tuple[str, str]
Control = Literal["shuffled_pairs", "shuffled_lexicon"]


class PairData:
    """Sentence pairs to train on, by row, and those held out, by language pair.

    Args:
        folder: with ``train.arrow`` and ``held_out.arrow``.
        record: where the pairs come from, what was left out, and ``hash``, by which they are known.
        control: ``shuffled_pairs`` gives every source the target of another pair of its languages.
        seed: of the shuffling.
    """

    def __init__(self, folder: Path, record: dict[str, Any], control: Control | None = None, seed: int = 0) -> None:
        self.folder, self.record, self.control = folder, record, control
        self.languages: list[LanguagePair] = [(own[0], own[1]) for own in record["languages"]]
        self._train, self._held_out = open_pairs(folder / "train.arrow"), open_pairs(folder / "held_out.arrow")
        self.groups = column(self._train, "group")
        self._seed = seed

    @property
    def without_control(self) -> PairData:
        """The true pairs."""
        return PairData(self.folder, self.record, None, self._seed)

    def __len__(self) -> int:
        return len(self._train)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Characters of both texts of each training pair, shape (N,)."""
        return column(self._train, "length")

    def pairs(self, rows: Sequence[int] | np.ndarray) -> list[SentencePair]:
        """Training pairs, by row."""
        chosen = self._train[np.asarray(rows)]
        targets = chosen["target"]
        if self.control == "shuffled_pairs":
            targets = self._train[self._partners[np.asarray(rows)]]["target"]
        languages = [self.languages[group] for group in chosen["group"]]
        return [
            SentencePair(source, target, *own)
            for source, target, own in zip(chosen["source"], targets, languages, strict=True)
        ]

    def rows(self, languages: LanguagePair) -> np.ndarray:
        """The rows of one language pair."""
        return np.flatnonzero(self.groups == self.languages.index(languages))

    def held_out(self, languages: LanguagePair) -> list[SentencePair]:
        """The pairs held out of one language pair: true ones, whatever the control."""
        group = self.languages.index(languages)
        chosen = self._held_out[np.flatnonzero(column(self._held_out, "group") == group)]
        return [
            SentencePair(source, target, *languages)
            for source, target in zip(chosen["source"], chosen["target"], strict=True)
        ]

    @cached_property
    def _partners(self) -> np.ndarray:
        """For each row another one of its languages, each row once: nobody keeps its own, unless it is alone."""
        partners = np.arange(len(self))
        for group in range(len(self.languages)):
            order = np.flatnonzero(self.groups == group)
            np.random.default_rng(derived_seed("shuffled", self._seed, group)).shuffle(order)
            partners[order] = np.roll(order, 1)
        return partners
