"""Word-level supervision from the text of the sentence pairs: their words' alignments, and a lexicon of these."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from xltrobust.datamodules.bitext import SentencePair
from xltrobust.datamodules.induced_lexicon import InducedLexicon
from xltrobust.datamodules.pair_data import LanguagePair, PairData
from xltrobust.datamodules.word_aligner import Links, WordAligner
from xltrobust.datamodules.word_alignments import word_alignments


class WordPairs:
    """Which words of the sentence pairs correspond.

    Args:
        data: the sentence pairs; with shuffled pairs, words are aligned as the shuffled text suggests.
        aligner: finds the words.
    """

    def __init__(self, data: PairData, aligner: WordAligner) -> None:
        self.data, self.aligner = data, aligner

    def align(self) -> None:
        """Aligns the training pairs, if that was never done before."""
        _ = self._aligned

    def links(self, row: int) -> Links:
        """The links of a training pair, by row."""
        flat, offsets = self._links
        return [(int(source), int(target)) for source, target in flat[offsets[row] : offsets[row + 1]]]

    def lexicon(self, languages: LanguagePair) -> InducedLexicon:
        """The words that were linked in the training pairs of two languages, with counts and probabilities."""
        return self._aligned[languages][1]

    def held_out(self, languages: LanguagePair) -> list[Links]:
        """The links of the pairs held out, found with those of the true training pairs; nothing is trained on them."""
        held = self.data.held_out(languages)
        true = self.data.without_control
        return self._align(true, [*true.pairs(true.rows(languages)), *held], languages, "held-out")[0][-len(held) :]

    @cached_property
    def _aligned(self) -> dict[LanguagePair, tuple[list[Links], InducedLexicon]]:
        data = self.data
        control = data.control if data.control == "shuffled_pairs" else ""
        return {own: self._align(data, data.pairs(data.rows(own)), own, control) for own in data.languages}

    @cached_property
    def _links(self) -> tuple[np.ndarray, np.ndarray]:
        by_row: list[Links] = [[]] * len(self.data)
        for languages, (links, _) in self._aligned.items():
            for row, own in zip(self.data.rows(languages).tolist(), links, strict=True):
                by_row[row] = own
        flat = np.array([link for own in by_row for link in own], np.int16).reshape(-1, 2)
        return flat, np.concatenate([[0], np.cumsum([len(own) for own in by_row])])

    def _align(
        self, data: PairData, pairs: list[SentencePair], languages: LanguagePair, purpose: str
    ) -> tuple[list[Links], InducedLexicon]:
        key = "/".join([data.record["hash"], str(data.record["settings"]), purpose])
        sources, targets = [own.source for own in pairs], [own.target for own in pairs]
        return word_alignments(sources, targets, languages, self.aligner, key)
