"""The parallel corpus of a task: its sources, how it is cleaned, how much of it is used, and what it must not have."""

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
from xltrobust.datamodules.parallel.controls import Control
from xltrobust.datamodules.parallel.overlap import OverlapFinder, normalized_words
from xltrobust.datamodules.parallel.prepared import LanguagePair, PairData
from xltrobust.datamodules.parallel.selection import Balance, select_pairs
from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.datamodules.parallel.words.aligner import WordAligner
from xltrobust.errors import DataError
from xltrobust.files import cache_root, write_json
from xltrobust.perturb.random_view import RandomView
from xltrobust.text.words import count_words_of

_VERSION = 3  # of the cached format


class ParallelCorpus:
    """Sentence pairs in any languages from any number of sources, for the alignment regularizers to train on.

    The run's ``results.json`` records, by language pair, how many pairs are left out and why, with the sources, their
    licences and a hash of the remaining pairs. The prepared corpus is an Arrow file in the cache.

    Args:
        bitexts: the sources of the pairs.
        aligner: aligns the words, if a method reads word pairs or a lexicon; None uses
            :class:`~xltrobust.datamodules.parallel.words.statistical_aligner.StatisticalAligner`.
        max_pairs: the most training pairs, of all languages together.
        max_tokens: the most words, in both texts of all training pairs together.
        balance: how a budget is divided among the language pairs: ``proportional`` to their sizes, or ``equal``.
        held_out: how many pairs of each language pair to keep for diagnostics; no training pair has one of their texts.
        max_length: in characters; see :class:`~xltrobust.datamodules.parallel.cleaning.PairCleaner`.
        max_length_ratio: see :class:`~xltrobust.datamodules.parallel.cleaning.PairCleaner`.
        ngram: for finding overlap with the task's dev and test texts; see
            :class:`~xltrobust.datamodules.parallel.overlap.OverlapFinder`.
        containment: see :class:`~xltrobust.datamodules.parallel.overlap.OverlapFinder`.
        control: None, or what is trained on in place of translations. ``source_views``: a pair's two texts are both
            its source text, and the encoder's dropout (or ``source_view``) makes them differ, as in SimCSE; neutral,
            for methods that read sentence pairs. ``shuffled_pairs``: the same amount of text, but no pair is a
            translation; ``shuffled_lexicon``: every word has another word's translations, for methods that read the
            lexicon. These two teach what is false, and so bound the harm that bad alignment does. Methods that read
            word pairs take ``shuffled_pairs`` alone.
        source_view: with the control ``source_views``, changes the second text of a pair at random (typing errors,
            synonyms), in the same way whenever the pair is read.
        split_seed: of the choice of the held-out pairs and of those within a budget, and of the control.

    Raises:
        ValueError: if there is no source, a number is out of its range, or there is a ``source_view`` without its
            control.

    References:
        - Gao et al. SimCSE: simple contrastive learning of sentence embeddings. EMNLP 2021 (``source_views``).
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
        source_view: RandomView | None = None,
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
        if source_view is not None and control != "source_views":
            raise ValueError(
                f"Expected argument `control` to be 'source_views' with `source_view`, but got {control!r}."
            )
        if source_view is not None and source_view.words_changed is not None:
            raise ValueError("Expected argument `source_view` to have a `rate`, but got `words_changed`.")
        self.bitexts, self.aligner, self.split_seed = bitexts, aligner, split_seed
        self.control, self.source_view = control, source_view
        self._cleaning = {"max_length": max_length, "max_length_ratio": max_length_ratio}
        self._overlap = {"ngram": ngram, "containment": containment}
        self._choice: dict[str, Any] = {
            "held_out": held_out, "max_pairs": max_pairs, "max_tokens": max_tokens, "balance": balance,
            "seed": split_seed,
        }  # fmt: skip
        PairCleaner(**self._cleaning)  # type: ignore[arg-type]  # checks its arguments now, before any text is read
        OverlapFinder({}, **self._overlap)  # type: ignore[arg-type]

    def prepare(
        self, unseen: Mapping[str, Sequence[str]], units: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> PairData:
        """The cleaned pairs, without those that overlap with unseen texts or units; read from the cache if there.

        Args:
            unseen: the task's dev and test texts, by language.
            units: by language, what the task inserts into these texts as a whole (slot values, entities).

        Raises:
            DataError: if a source cannot be read, or nothing is left to train on.
        """
        settings = {
            "version": _VERSION, "bitexts": [bitext.stamp() for bitext in self.bitexts],
            **self._cleaning, **self._overlap, **self._choice, "unseen": _digest(unseen), "units": _digest(units),
            "icu4py": version("icu4py"),
        }  # fmt: skip
        folder = cache_root() / "parallel" / hashlib.sha256(repr(settings).encode()).hexdigest()[:32]

        def make(empty: Path) -> None:
            self._build(empty, OverlapFinder(unseen, units, **self._overlap))  # type: ignore[arg-type]

        folder = cached_folder(folder, make)
        record = json.loads((folder / "record.json").read_text(encoding="utf8"))
        return PairData(folder, record, self.control, self.split_seed, self.source_view)

    def _build(self, folder: Path, overlap: OverlapFinder) -> None:
        cleaner = PairCleaner(**self._cleaning)  # type: ignore[arg-type]
        languages: dict[LanguagePair, int] = {}
        hashes = array("Q"), array("Q")
        groups, tokens, usable = array("h"), array("i"), array("b")
        # One pass over the sources, which may be large: only a few numbers per pair are kept in memory.
        for batch in write_pairs(self._clean(cleaner, overlap, languages, usable), folder / "clean.arrow"):
            for source, target, group in batch:
                hashes[0].append(_hash(source))
                hashes[1].append(_hash(target))
                groups.append(group)
                if self._choice["max_tokens"] is not None:
                    tokens.append(count_words_of(source, target))
        row_groups = np.frombuffer(groups, np.int16)
        chosen = select_pairs(
            np.frombuffer(hashes[0], np.uint64),
            np.frombuffer(hashes[1], np.uint64),
            row_groups,
            usable=np.frombuffer(usable, bool),
            tokens=np.frombuffer(tokens, np.int32),
            **self._choice,
        )
        for pair, group in languages.items():
            for what, numbers in (
                ("duplicate", chosen.duplicates), ("beside held-out", chosen.beside_held_out),
                ("over budget", chosen.over_budget),
                ("held out", np.bincount(row_groups[chosen.held_out], minlength=len(languages))),
                ("train", np.bincount(row_groups[chosen.train], minlength=len(languages))),
            ):  # fmt: skip
                cleaner.counts[pair][what] = int(numbers[group])
        if not len(chosen.train):
            read = sum(cleaner.counts.values(), Counter[str]())
            raise DataError(
                f"{', '.join(sorted({str(bitext.provenance()['source']) for bitext in self.bitexts}))}: no sentence "
                "pair is left to train on "
                f"({', '.join(f'{what}: {number}' for what, number in read.items()) or 'none read'}); "
                "check languages, limits and budgets."
            )
        content = copy_rows(folder / "clean.arrow", chosen.train, folder / "train.arrow")
        held_out = copy_rows(folder / "clean.arrow", chosen.held_out, folder / "held_out.arrow")
        (folder / "clean.arrow").unlink()
        record = {
            "sources": [bitext.provenance() for bitext in self.bitexts],
            "languages": list(languages),
            "counts": {">".join(pair): dict(counts) for pair, counts in cleaner.counts.items()},
            "pairs": len(chosen.train),
            "hash": hashlib.sha256(repr((list(languages), content)).encode()).hexdigest(),
            "held_out_hash": hashlib.sha256(repr((list(languages), held_out)).encode()).hexdigest(),
            "settings": {**self._cleaning, **self._overlap, **self._choice},
        }
        write_json(record, folder / "record.json")

    def _clean(
        self, cleaner: PairCleaner, overlap: OverlapFinder, languages: dict[LanguagePair, int], usable: array[int]
    ) -> Iterator[tuple[SentencePair, int]]:
        """The clean pairs, each with the number of its language pair.

        Appends to ``usable`` whether each pair is free of overlap with unseen texts.
        """
        for bitext in self.bitexts:
            rank_zero_info(f"Reading sentence pairs: {bitext.provenance()['source']}.")
            for pair in bitext:
                if (clean := cleaner(pair)) is None:
                    continue
                codes = clean.source_language, clean.target_language
                found = overlap(clean.source, codes[0]) or overlap(clean.target, codes[1])
                if found:
                    cleaner.counts[codes][f"overlap with dev or test, {found}"] += 1
                usable.append(not found)
                yield clean, languages.setdefault(codes, len(languages))


def _hash(text: str) -> int:
    same = " ".join(normalized_words(text)) or text  # a text without letters or digits is hashed as it is
    return int.from_bytes(hashlib.blake2b(same.encode(), digest_size=8).digest(), "little")


def _digest(unseen: Mapping[str, Sequence[str]]) -> str:
    digest = hashlib.sha256()
    for language in sorted(unseen):
        digest.update(repr((language, sorted(set(unseen[language])))).encode())
    return digest.hexdigest()
