"""The words of a labelled text with the words that are linked to them in the text's own translations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from xltrobust.datamodules.parallel.words.aligner import Links
from xltrobust.example import Example, Side
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.perturbations.substitution import Place, whole_words, word_edits
from xltrobust.text.word_table import fold
from xltrobust.text.words import count_words_of, word_parts

_REMEMBERED = 65536  # texts and rows whose edits are cached


class LinkedWords:
    """What each word of a text becomes by the links of one of the text's own translations.

    A word that is linked to several words of the translation becomes all of them, as they stand there, if they follow
    each other, and the first of them otherwise. One word of the translation can be linked to several of the text, and
    then stands in the place of each. Fragments ("don" in "don't") are not replaced. Case and spaces are handled as in
    :class:`~xltrobust.perturb.perturbations.substitution.WordSubstitution`.

    Args:
        data: the data module, with ``translations`` and aligned words. With several devices, all must call this.
        languages: to switch to, in any spelling; None takes all that the corpus translates training texts into.

    Raises:
        UserError: if there is no parallel corpus, no training text has a translation, or none into one of the
            languages.
    """

    def __init__(self, data: Any, languages: list[str] | None) -> None:
        self.translations = data.translations
        self.words = data.aligned_words()
        self.languages: list[str] = self.translations.named(languages)
        self.edits = lru_cache(maxsize=_REMEMBERED)(self._edits)

    def __getstate__(self) -> dict[str, Any]:  # a cache cannot be sent to a worker
        return {name: value for name, value in self.__dict__.items() if name != "edits"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self.edits = lru_cache(maxsize=_REMEMBERED)(self._edits)

    def places(self, example: Example) -> list[tuple[Side, Place]]:
        """The words of an example that can be replaced, in the order of its texts."""
        sides: tuple[Side, ...] = ("text",) if example.text_pair is None else ("text", "text_pair")
        return [
            (side, place)
            for side in sides
            for place in whole_words(getattr(example, side), example.side_language(side))
            if place is not None
        ]

    def rows(self, example: Example, side: Side) -> dict[str, list[int]]:
        """The rows of the corpus that translate one of the texts of an example, by language."""
        found = self.translations.rows(getattr(example, side))
        return {language: found[language] for language in self.languages if language in found}

    def coverage(self, examples: Sequence[Example]) -> dict[str, float]:
        """The share of word tokens that a translation replaces, by language."""
        found, total = Counter[str](), 0
        for example in examples:
            total += count_words_of(example.text, example.text_pair)
            for side, place in self.places(example):
                for language, rows in self.rows(example, side).items():
                    found[language] += any(self.edit(example, side, place, row) is not None for row in rows)
        return {language: round(found[language] / max(total, 1), 4) for language in self.languages}

    def edit(self, example: Example, side: Side, place: Place, row: int) -> Edit | None:
        """What replaces a word by the links of a row; None if nothing does."""
        return self.edits(getattr(example, side), example.side_language(side), side, row).get(place)

    def _edits(self, text: str, language: str, side: Side, row: int) -> dict[Place, Edit]:
        source, target = self.translations.data.texts(row)
        if _folded(source) != _folded(text):  # words that punctuation parts otherwise: the links are of other words
            return {}
        code = self.translations.data.languages[self.translations.data.groups[row]][1]
        places = whole_words(text, language)
        found: dict[Place, Edit] = {}
        for number, new in linked_texts(target, self.words.links(row)).items():
            place = places[number]
            if place is not None and (edits := word_edits(text, place, [(new, code)], side)):
                found[place] = edits[0]
        return found


def linked_texts(target: str, links: Links) -> dict[int, str]:
    """For the number of each linked word of the source text, what it becomes.

    >>> linked_texts("Ich schalte es nicht aus", [(0, 0), (1, 1), (1, 4), (2, 2), (3, 2), (3, 3)])
    {0: 'Ich', 1: 'schalte', 2: 'es', 3: 'es nicht'}
    """
    by_source: dict[int, list[int]] = {}
    for source, own in sorted(links):
        by_source.setdefault(source, []).append(own)
    parts = word_parts(target)
    found = {}
    for source, linked in by_source.items():
        joined = linked[-1] - linked[0] == len(linked) - 1
        last = linked[-1] if joined else linked[0]
        found[source] = target[parts[linked[0]][0] : parts[last][1]]
    return found


def _folded(text: str) -> list[str]:
    return [fold(text[start:end]) for start, end in word_parts(text)]
