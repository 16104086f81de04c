"""Parallel text for the languages of a task: from where, how clean, how much of it, and what must not be in it."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pytorch_lightning.utilities import rank_zero_info

from xltrobust.cache import cached_folder
from xltrobust.datamodules.parallel.arrow import copy_rows, write_pairs
from xltrobust.datamodules.parallel.cleaning import PairCleaner
from xltrobust.datamodules.parallel.overlap import OverlapFinder, normalized_words
from xltrobust.datamodules.parallel.prepared import Control, LanguagePair, PairData
from xltrobust.datamodules.parallel.selection import Balance, select_pairs
from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.datamodules.parallel.words.aligner import WordAligner
from xltrobust.errors import DataError
from xltrobust.files import cache_root, write_json
from xltrobust.text.words import count_words

_VERSION = 3  # of what is cached


class ParallelCorpus:
    """Sentence pairs of any languages, from any number of sources, as the regularizers of alignment learn from them.

    What is left out is counted in the run's ``results.json``, by language pair, together with the sources, their
    licences and a hash of what is left. The prepared corpus is an Arrow file in the cache.

    Args:
        bitexts: where the pairs come from.
        aligner: finds the words that correspond, where word pairs are asked for; None takes the statistical one.
        max_pairs: the most pairs to train on, of all languages together.
        max_tokens: the most words, of both texts of all pairs together.
        balance: how a budget is shared by the languages: ``proportional`` to what there is, or ``equal``.
        held_out: pairs of each language pair that are kept for diagnostics; no training pair has one of their texts.
        max_length: characters of a text; see :class:`~xltrobust.datamodules.parallel.cleaning.PairCleaner`.
        max_length_ratio: likewise.
        ngram: in finding overlap with the task's dev and test texts; see
            :class:`~xltrobust.datamodules.parallel.overlap.OverlapFinder`.
        containment: likewise.
        control: None; ``shuffled_pairs``, as much text in which no pair is a translation; or ``shuffled_lexicon``, a
            lexicon in which every word has another word's translations, for what reads the lexicon (what reads word
            pairs refuses it: its control is shuffled pairs). What these gain is not due to alignment.
        split_seed: which pairs are held out and which a budget takes.

    Raises:
        ValueError: if there is no source, or a number is out of its range.
    """

    def __init__(
        self,
        *,
        bitexts: list[Bitext],
        aligner: WordAligner | None = None,
        max_pairs: int | None = None,
        max_tokens: int | None = None,
        balance: Balance = "proportional",
        held_out: int = 200,
        max_length: int = 400,
        max_length_ratio: float = 3.0,
        ngram: int = 3,
        containment: float = 0.6,
        control: Control | None = None,
        split_seed: int = 0,
    ) -> None:
        if not bitexts:
            raise ValueError("Expected argument `bitexts` to name at least one source of sentence pairs.")
        for name, value, least in (
            ("max_pairs", max_pairs, 1),
            ("max_tokens", max_tokens, 1),
            ("held_out", held_out, 0),
        ):
            if value is not None and value < least:
                raise ValueError(f"Expected argument `{name}` to be at least {least}, but got {value}.")
        self.bitexts, self.aligner, self.control, self.split_seed = bitexts, aligner, control, split_seed
        self._cleaning = {"max_length": max_length, "max_length_ratio": max_length_ratio}
        self._overlap = {"ngram": ngram, "containment": containment}
        self._choice: dict[str, Any] = {
            "held_out": held_out, "max_pairs": max_pairs, "max_tokens": max_tokens, "balance": balance,
            "seed": split_seed,
        }  # fmt: skip
        PairCleaner(**self._cleaning)  # type: ignore[arg-type]  # refuses what is out of range at once
        OverlapFinder({}, **self._overlap)  # type: ignore[arg-type]

    def prepare(
        self, unseen: Mapping[str, Sequence[str]], units: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> PairData:
        """The pairs, cleaned, without those that hold an unseen text or are a unit: made once, then found in the cache.

        Args:
            unseen: the task's dev and test texts, by language.
            units: what the task puts into these texts as a whole, likewise.

        Raises:
            DataError: if a source cannot be read, or nothing is left to train on.
        """
        settings = {
            "version": _VERSION, "bitexts": [own.stamp() for own in self.bitexts], **self._cleaning, **self._overlap,
            **self._choice, "unseen": _digest(unseen), "units": _digest(units),
            "icu4py": version("icu4py"),
        }  # fmt: skip
        folder = cache_root() / "parallel" / hashlib.sha256(repr(settings).encode()).hexdigest()[:32]

        def make(empty: Path) -> None:
            self._build(empty, OverlapFinder(unseen, units, **self._overlap))  # type: ignore[arg-type]

        folder = cached_folder(folder, make)
        record = json.loads((folder / "record.json").read_text(encoding="utf8"))
        return PairData(folder, record, self.control, self.split_seed)

    def _build(self, folder: Path, overlap: OverlapFinder) -> None:
        cleaner = PairCleaner(**self._cleaning)  # type: ignore[arg-type]
        languages: dict[LanguagePair, int] = {}
        hashes = array("Q"), array("Q")
        groups, tokens, usable = array("h"), array("i"), array("b")
        # One pass over the sources, however large: what is remembered of a pair is a few numbers.
        for batch in write_pairs(self._clean(cleaner, overlap, languages, usable), folder / "clean.arrow"):
            for source, target, group in batch:
                hashes[0].append(_hash(source))
                hashes[1].append(_hash(target))
                groups.append(group)
                if self._choice["max_tokens"] is not None:
                    tokens.append(count_words(source) + count_words(target))
        own_groups = np.frombuffer(groups, np.int16)
        chosen = select_pairs(
            np.frombuffer(hashes[0], np.uint64),
            np.frombuffer(hashes[1], np.uint64),
            own_groups,
            usable=np.frombuffer(usable, bool),
            tokens=np.frombuffer(tokens, np.int32),
            **self._choice,
        )
        for own, group in languages.items():
            for what, numbers in (
                ("duplicate", chosen.duplicates), ("beside held-out", chosen.beside_held_out),
                ("over budget", chosen.over_budget),
                ("held out", np.bincount(own_groups[chosen.held_out], minlength=len(languages))),
                ("train", np.bincount(own_groups[chosen.train], minlength=len(languages))),
            ):  # fmt: skip
                cleaner.counts[own][what] = int(numbers[group])
        if not len(chosen.train):
            read = sum((own for own in cleaner.counts.values()), Counter[str]())
            raise DataError(
                f"{', '.join(sorted({str(own.provenance()['source']) for own in self.bitexts}))}: no sentence pair is "
                f"left to train on ({', '.join(f'{what}: {number}' for what, number in read.items()) or 'none read'}); "
                "check languages, limits and budgets."
            )
        content = copy_rows(folder / "clean.arrow", chosen.train, folder / "train.arrow")
        held_out = copy_rows(folder / "clean.arrow", chosen.held_out, folder / "held_out.arrow")
        (folder / "clean.arrow").unlink()
        record = {
            "sources": [own.provenance() for own in self.bitexts],
            "languages": list(languages),
            "counts": {">".join(own): dict(counts) for own, counts in cleaner.counts.items()},
            "pairs": len(chosen.train),
            "hash": hashlib.sha256(repr((list(languages), content)).encode()).hexdigest(),
            "held_out_hash": hashlib.sha256(repr((list(languages), held_out)).encode()).hexdigest(),
            "settings": {**self._cleaning, **self._overlap, **self._choice},
        }
        write_json(record, folder / "record.json")

    def _clean(
        self, cleaner: PairCleaner, overlap: OverlapFinder, languages: dict[LanguagePair, int], usable: array[int]
    ) -> Iterator[tuple[SentencePair, int]]:
        """Clean pairs with the number of their languages; ``usable`` tells which of them give no unseen text away."""
        for bitext in self.bitexts:
            rank_zero_info(f"Reading sentence pairs: {bitext.provenance()['source']}.")
            for pair in bitext:
                if (clean := cleaner(pair)) is None:
                    continue
                own = clean.source_language, clean.target_language
                found = overlap(clean.source, own[0]) or overlap(clean.target, own[1])
                if found:
                    cleaner.counts[own][f"overlap with dev or test, {found}"] += 1
                usable.append(not found)
                yield clean, languages.setdefault(own, len(languages))


def _hash(text: str) -> int:
    same = " ".join(normalized_words(text)) or text  # signs alone are compared as they are
    return int.from_bytes(hashlib.blake2b(same.encode(), digest_size=8).digest(), "little")


def _digest(unseen: Mapping[str, Sequence[str]]) -> str:
    digest = hashlib.sha256()
    for language in sorted(unseen):
        digest.update(repr((language, sorted(set(unseen[language])))).encode())
    return digest.hexdigest()
