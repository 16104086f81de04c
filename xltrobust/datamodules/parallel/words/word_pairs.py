"""Word-level supervision from the sentence pairs: word alignments, and lexicons induced from them."""

from __future__ import annotations

import numpy as np

from xltrobust.datamodules.parallel.prepared import LanguagePair, PairData
from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.datamodules.parallel.words.alignment_cache import word_alignments
from xltrobust.datamodules.parallel.words.induced_lexicon import InducedLexicon


class WordPairs:
    """The word alignments of the sentence pairs.

    Args:
        data: the sentence pairs; with shuffled pairs, the words of the shuffled text are aligned.
        aligner: aligns the words.
    """

    def __init__(self, data: PairData, aligner: WordAligner) -> None:
        self.data, self.aligner = data, aligner
        self._lexicons: dict[LanguagePair, InducedLexicon] = {}
        self._flat: np.ndarray | None = None  # all links, shape (L, 2)
        self._offsets = np.zeros(len(data) + 1, np.int64)  # where each row's links begin

    def align(self) -> WordPairs:
        """Aligns the training pairs, or reads their alignment from the cache; call it before links() or lexicon()."""
        if self._flat is None:
            data = self.data
            counts = np.zeros(len(data), np.int64)
            found = []
            group_rows = [data.rows(languages) for languages in data.languages]
            for languages, rows in zip(data.languages, group_rows, strict=True):
                control = data.control if data.control == "shuffled_pairs" else ""
                links, self._lexicons[languages] = self._align(data.pairs(rows), languages, f"{control}/train")
                counts[rows] = [len(of_pair) for of_pair in links]
                found.append(np.array([link for of_pair in links for link in of_pair], np.int16).reshape(-1, 2))
            link_rows = np.concatenate([np.repeat(rows, counts[rows]) for rows in group_rows])
            self._flat = np.concatenate(found)[np.argsort(link_rows, kind="stable")]
            self._offsets[1:] = np.cumsum(counts)
        return self

    def links(self, row: int) -> Links:
        """The links of a training pair, by row."""
        assert self._flat is not None
        links = self._flat[self._offsets[row] : self._offsets[row + 1]]
        return [(int(source), int(target)) for source, target in links]

    def lexicon(self, languages: LanguagePair) -> InducedLexicon:
        """The lexicon induced from the training pairs of two languages."""
        return self._lexicons[languages]

    def held_out(self, languages: LanguagePair) -> list[Links]:
        """The links of the held-out pairs, aligned together with the true training pairs; for diagnostics only."""
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
        sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
        return word_alignments(sources, targets, languages, self.aligner, key)
