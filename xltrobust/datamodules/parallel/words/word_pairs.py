"""Word-level supervision from the text of the sentence pairs: their words' alignments, and a lexicon of these."""

from __future__ import annotations

import numpy as np

from xltrobust.datamodules.parallel.prepared import LanguagePair, PairData
from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.datamodules.parallel.words.alignment_cache import word_alignments
from xltrobust.datamodules.parallel.words.induced_lexicon import InducedLexicon


class WordPairs:
    """Which words of the sentence pairs correspond.

    Args:
        data: the sentence pairs; with shuffled pairs, words are aligned as the shuffled text suggests.
        aligner: finds the words.
    """

    def __init__(self, data: PairData, aligner: WordAligner) -> None:
        self.data, self.aligner = data, aligner
        self._lexicons: dict[LanguagePair, InducedLexicon] = {}
        self._flat: np.ndarray | None = None  # all links, shape (L, 2)
        self._offsets = np.zeros(len(data) + 1, np.int64)  # where each row's begin

    def align(self) -> WordPairs:
        """Aligns the training pairs, or reads what was aligned before; needed once, before links or lexicons are."""
        if self._flat is None:
            data = self.data
            counts = np.zeros(len(data), np.int64)
            found = []
            for own in data.languages:
                control = data.control if data.control == "shuffled_pairs" else ""
                links, self._lexicons[own] = self._align(data.pairs(data.rows(own)), own, f"{control}/train")
                counts[data.rows(own)] = [len(of_pair) for of_pair in links]
                found.append(np.array([link for of_pair in links for link in of_pair], np.int16).reshape(-1, 2))
            rows = np.concatenate([np.repeat(data.rows(own), counts[data.rows(own)]) for own in data.languages])
            self._flat = np.concatenate(found)[np.argsort(rows, kind="stable")]
            self._offsets[1:] = np.cumsum(counts)
        return self

    def links(self, row: int) -> Links:
        """The links of a training pair, by row."""
        assert self._flat is not None
        own = self._flat[self._offsets[row] : self._offsets[row + 1]]
        return [(int(source), int(target)) for source, target in own]

    def lexicon(self, languages: LanguagePair) -> InducedLexicon:
        """The words that were linked in the training pairs of two languages, with counts and probabilities."""
        return self._lexicons[languages]

    def held_out(self, languages: LanguagePair) -> list[Links]:
        """The links of the pairs held out, found with those of the true training pairs; nothing is trained on them."""
        true = self.data.without_control
        train, held = true.pairs(true.rows(languages)), true.held_out(languages)
        if not held:
            return []
        links, _ = self._align([*train, *held], languages, f"held-out/{self.data.record['held_out_hash']}")
        return links[len(train) :]

    def _align(
        self, pairs: list[SentencePair], languages: LanguagePair, purpose: str
    ) -> tuple[list[Links], InducedLexicon]:
        key = "/".join([self.data.record["hash"], str(self.data.record["settings"]), purpose])
        sources, targets = [own.source for own in pairs], [own.target for own in pairs]
        return word_alignments(sources, targets, languages, self.aligner, key)
