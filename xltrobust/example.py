"""The unit of data: a text or a pair of texts, in one language or a pair of languages, with its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from xltrobust.errors import UserError

Language = str | tuple[str, str]
Side = Literal["text", "text_pair"]


@dataclass(frozen=True, slots=True)
class Example:
    """One classification example.

    Args:
        id: unique within its language; equal across languages where the same item was translated.
        language: language code, or ``(language_a, language_b)`` in the generalized setting, where ``text`` is in
            the first and ``text_pair`` in the second.
        text: the (first) text.
        label: index into the task's labels.
        text_pair: the second text of a pair task.
        group: the same for examples that are not independent of each other: the template that they were expanded from,
            or the document that they were cut from, say. Confidence intervals resample groups. Defaults to the id.
    """

    id: str
    language: Language
    text: str
    label: int
    text_pair: str | None = None
    group: str | None = None

    def side_language(self, side: Side) -> str:
        """The language of one side; both sides have the same except in the generalized setting."""
        if isinstance(self.language, str):
            return self.language
        return self.language[0 if side == "text" else 1]


def language_name(language: Language) -> str:
    """The name of a language or language pair in logs, results and reports.

    >>> language_name("de"), language_name(("en", "de"))
    ('de', 'en>de')
    """
    return language if isinstance(language, str) else ">".join(language)


def single_languages(languages: Iterable[Language]) -> list[str]:
    """The codes in languages and pairs of languages, each once, in the order in which they come.

    >>> single_languages(["en", ("en", "de"), "zh"])
    ['en', 'de', 'zh']
    """
    codes = (code for language in languages for code in ([language] if isinstance(language, str) else language))
    return list(dict.fromkeys(codes))


@dataclass(frozen=True)
class EvaluationSet:
    """The examples of one language (or pair) in one split: they become one data loader and one row of a table.

    Raises:
        UserError: if two examples have the same id.
    """

    split: str
    language: Language
    examples: list[Example]

    def __post_init__(self) -> None:
        ids = {example.id for example in self.examples}
        if len(ids) < len(self.examples):
            repeated = next(
                name for name, times in Counter(example.id for example in self.examples).items() if times > 1
            )
            raise UserError(
                f"{self.split} set, {self.name}: two examples have the id {repeated!r}; results need one each."
            )

    @property
    def name(self) -> str:
        """The language or pair of languages, as logs and results spell it."""
        return language_name(self.language)
