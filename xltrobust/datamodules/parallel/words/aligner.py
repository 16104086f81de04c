"""Which words of a sentence correspond to which words of its translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

Links = list[tuple[int, int]]  # places of words, as word_parts() counts them: in the source, in the target


class WordAligner(ABC):
    """Aligns the words of sentence pairs; words are those of :func:`~xltrobust.text.words.word_parts`."""

    @abstractmethod
    def align(self, sources: Sequence[str], targets: Sequence[str]) -> list[Links]:
        """Links of each pair, in ascending order; an aligner that learns, learns from these pairs.

        Args:
            sources: N texts of one language.
            targets: their translations, all in one other language.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """All that its links depend on besides the texts, JSON throughout: part of the name of what is cached."""
