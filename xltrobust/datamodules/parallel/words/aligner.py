"""The interface of word aligners: which words of a sentence correspond to which words of its translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

Links = list[tuple[int, int]]  # (source word, target word), as indices into word_parts() of each text


class WordAligner(ABC):
    """Aligns the words of sentence pairs; words are those of :func:`~xltrobust.text.words.word_parts`."""

    @abstractmethod
    def align(self, sources: Sequence[str], targets: Sequence[str]) -> list[Links]:
        """The links of each pair, in ascending order. Aligners that need training are trained on these pairs.

        Args:
            sources: N texts of one language.
            targets: their translations, all in one other language.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the links depend on besides the texts, as JSON; part of the cache key."""
