"""The interface of sources of parallel text: each says where its pairs come from, and yields them in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from xltrobust.example import Example, Language


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


class TaskTexts(Protocol):
    """What a source of pairs may ask of the task that it is read for.

    Attributes:
        source: the language of the training texts.
    """

    source: str

    def read(self, split: str, language: Language) -> list[Example]:
        """All examples of a split in one language."""


class Bitext(ABC):
    """A source of sentence pairs. Every iteration reads them again, one by one.

    Pairs have an explicit direction: in a multilingual corpus, the source is in the pivot language.
    """

    def bind(self, task: TaskTexts) -> None:  # noqa: B027  most have pairs of their own
        """Is told, before it is read, which task the pairs are for; for sources that consist of the task's texts."""

    @abstractmethod
    def __iter__(self) -> Iterator[SentencePair]:
        """All pairs as they are in the data, without cleaning, and including those that are not translated.

        Raises:
            DataError: if a file is missing or malformed; the message names it, the row and what to do.
        """

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Where the pairs come from, as JSON: at least ``source``, ``version`` and ``licence`` (or "unknown")."""

    @abstractmethod
    def stamp(self) -> Any:
        """A value whose ``repr`` changes when the pairs may have changed: settings, versions, file sizes and times."""
