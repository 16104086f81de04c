"""The translations of labelled texts: the rows of the corpus whose source text each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from xltrobust.datamodules.parallel.cleaning import cleaned
from xltrobust.datamodules.parallel.overlap import normalized_words
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.errors import UserError
from xltrobust.text.languages import base_language


class Translation(NamedTuple):
    """A translation of the texts of one example.

    Args:
        language: of the translation, as the corpus spells it.
        rows: of the corpus, one for each text; None for a text that has no translation into the language.
    """

    language: str
    rows: tuple[int | None, ...]


class Translations:
    """The rows of the corpus by the labelled text that is their source text, in the task's source language.

    The corpus reduces white space, and keeps one of several pairs that differ in case and punctuation only. Texts are
    therefore looked up with single spaces; one that has no row of its own in a language gets the rows of those that
    differ from it in case and punctuation.

    Args:
        data: the corpus.
        source: the language of the texts; pairs from another language are not used.
        texts: the texts to be found.

    Raises:
        UserError: if the corpus has no pair from the language, or no text is the source text of a pair.
    """

    def __init__(self, data: PairData, source: str, texts: Iterable[str]) -> None:
        self.data = data
        self._numbers: dict[str, int] = {}
        for text in texts:
            self._numbers.setdefault(cleaned(text), len(self._numbers))
        alike: dict[tuple[str, ...], list[int]] = {}
        for text, number in self._numbers.items():
            alike.setdefault(normalized_words(text), []).append(number)
        groups = [at for at, (own, _) in enumerate(data.languages) if base_language(own) == base_language(source)]
        if not groups:
            raise UserError(
                f"No sentence pair is from {source!r}, the language of the labelled texts, into another language, but "
                f"there are {', '.join('>'.join(pair) for pair in data.languages)}: make it the pairs' source language."
            )
        found: list[tuple[int, int, bool]] = []  # number of a text, row, whether the text is the row's to the letter
        for row, text in data.sources(groups):
            own = self._numbers.get(text)
            found += [(number, row, number == own) for number in alike.get(normalized_words(text), ())]
        if not found:
            raise UserError(
                f"None of the {len(self._numbers)} labelled texts is the source text of one of the {len(data)} "
                "sentence pairs: the labelled texts' own translations are needed, such as TaskTranslations reads by id."
            )
        table = np.array(found)
        kept = table[_nearest(table, data.groups)]
        self._rows = kept[np.lexsort((kept[:, 1], data.groups[kept[:, 1]], kept[:, 0])), :2]
        self._offsets = np.searchsorted(self._rows[:, 0], np.arange(len(self._numbers) + 1))
        self.languages = [data.languages[at][1] for at in np.unique(data.groups[self._rows[:, 1]])]

    def rows(self, text: str) -> dict[str, list[int]]:
        """The rows of a text by language, in the corpus's order; empty if it has none."""
        if (number := self._numbers.get(cleaned(text))) is None:
            return {}
        found: dict[str, list[int]] = {}
        for row in self._rows[self._offsets[number] : self._offsets[number + 1], 1].tolist():
            found.setdefault(self.data.languages[self.data.groups[row]][1], []).append(row)
        return found

    def of(self, texts: Sequence[str], languages: Sequence[str], *, whole: bool) -> dict[str, list[Translation]]:
        """All translations of one or two texts together, both into the same language, by language.

        A text with several rows in a language gives several translations; those of two texts are matched up so that
        each row is in at least one.

        Args:
            texts: the texts of an example.
            languages: those to translate into.
            whole: leave out the languages into which not all of the texts have a translation.
        """
        by_text = [self.rows(text) for text in texts]
        found: dict[str, list[Translation]] = {}
        for language in languages:
            rows = [of_text.get(language, []) for of_text in by_text]
            if all(rows) if whole else any(rows):
                found[language] = [
                    Translation(language, tuple(own[at % len(own)] if own else None for own in rows))
                    for at in range(max(map(len, rows)))
                ]
        return found

    def named(self, languages: Sequence[str] | None) -> list[str]:
        """The corpus's codes of languages that are given in any spelling; None takes all there are.

        Raises:
            UserError: if no text has a translation into one of them.
        """
        if languages is None:
            return list(self.languages)
        codes: list[str] = []
        for wanted in languages:
            same = [code for code in self.languages if base_language(code) == base_language(wanted)]
            if not same:
                raise UserError(
                    f"Expected argument `languages` to be among those into which labelled texts have translations, "
                    f"{', '.join(self.languages)}, but got {wanted!r}."
                )
            codes += [wanted] if wanted in same else same
        return list(dict.fromkeys(codes))


def _nearest(table: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which of N rows (text, row, whether to the letter) to keep, shape (N,): of a text and language the exact ones,
    if there are any.
    """
    place = table[:, 0] * (int(groups.max()) + 1) + groups[table[:, 1]]
    exact = table[:, 2].astype(bool)
    return exact | ~np.isin(place, place[exact])
