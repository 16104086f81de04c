"""Where sentence pairs come from: a source of parallel text says what it is and yields its pairs, in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple


class SentencePair(NamedTuple):
    """A text and its translation.

    Args:
        source: the text.
        target: its translation.
        source_language: code of the text's language, as the corpus spells it.
        target_language: code of the translation's language.
    """

    source: str
    target: str
    source_language: str
    target_language: str


class Bitext(ABC):
    """A source of sentence pairs, which are read anew, one after the other, each time that it is iterated.

    The direction of a pair is explicit: its source is in the language that a multilingual corpus names as its pivot.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[SentencePair]:
        """All pairs as they stand: nothing is cleaned, and what is untranslated is there too.

        Raises:
            DataError: if a file is missing or malformed; the message names it, the row and what to do.
        """

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Where the pairs come from: ``source``, ``version``, ``licence`` (or "unknown"), JSON throughout."""

    @abstractmethod
    def stamp(self) -> Any:
        """Changes when what it yields may have changed (settings, versions, the files' sizes and times); printable."""
