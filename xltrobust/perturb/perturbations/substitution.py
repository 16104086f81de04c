"""Words replaced by other words: what synonyms and translations have in common."""

from __future__ import annotations

import random
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import regex

from xltrobust.checks import checked_subset
from xltrobust.example import Example, Side
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.edits import Edit
from xltrobust.text.clusters import cluster_bounds, is_sound
from xltrobust.text.languages import base_language
from xltrobust.text.letter_case import change_case
from xltrobust.text.words import script, split_words

_REMEMBERED = 1024  # texts whose edits are kept
_TURKIC = frozenset(["tr", "az"])
# What stands between spaces, without the punctuation around it.
_TOKEN = regex.compile(r"[\p{L}\p{N}](?:\S*[\p{L}\p{M}\p{N}])?")
_WORDLIKE = regex.compile(r"[\p{L}\p{N}](?:.*[\p{L}\p{M}\p{N}.'’])?")
# Characters that part no words where they stand between letters (UAX #29): "col·legi", "сім'я", "e.g.", "a@b.org".
_JOINT = r"[\p{WB=MidLetter}\p{WB=MidNumLet}\p{WB=Single_Quote}\p{Cf}\"@]"
_STARTS = regex.compile(rf"(?<![\p{{N}}_]|[\p{{L}}\p{{M}}\p{{N}}]{_JOINT})")
_ENDS = regex.compile(rf"(?![\p{{N}}_]|(?!['’]s\b){_JOINT}[\p{{L}}\p{{N}}])")
# Languages in which a short word before an apostrophe leans on a whole one after it: "l'eau", "dell'acqua".
_ELIDING = frozenset("fr it ca oc co eo fur lb lmo pms sc scn vec wa nap".split())
_STARTS_ELIDED = regex.compile(r"(?<=\p{L}\p{M}*['’])")


class _Place(NamedTuple):
    """A word that may be looked up, ``[start, end)``, and whether its script puts spaces between words."""

    start: int
    end: int
    spaced: bool


class WordSubstitution(Perturbation):
    """Replaces one word by another; which others there are for a word is for the subclass to say.

    Words are those of :func:`~xltrobust.text.words.word_parts`, and in scripts with spaces what stands between
    them without the punctuation around it (``don't``, ``rendez-vous``): where there is a replacement for the whole,
    its parts are left alone. Fragments are no words: what touches a digit (``pm`` in ``7pm``), or is joined to other
    letters by an apostrophe or full stop (``don`` in ``don't``, but not ``dog`` in ``dog's``, nor ``eau`` in French
    ``l'eau``).

    A replacement takes the case of what it replaces: a capital at its start, or all capitals, unless it has capitals
    of its own (``iPhone``, German nouns). Affixes (``-en``) are not used. None is the same text after normalisation,
    or changes the characters around it. Where a word of a script without spaces gives way to one of a script with
    spaces, a space is put before it if a letter or digit stands there, and after it if it would run into such a
    letter or digit. So neighbours that are both replaced stay apart too (``我喜欢猫``: ``我 like猫``, ``I like cat``).

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or names something unknown.
    """

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        self.sides = checked_subset("sides", sides, ("text", "text_pair"))
        self._edits: dict[tuple[str, str, Side], list[list[Edit]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_edits": {}}

    @abstractmethod
    def replacements(self, word: str, language: str) -> Sequence[str]:
        """What may take the place of a word, as in the dictionary: case and spaces are seen to elsewhere."""

    def listed(self, word: str, language: str) -> Sequence[str]:
        """What the dictionary has for a word just as it is spelt."""
        return self.replacements(word, language)

    def proposals(self, word: str, language: str) -> Iterable[tuple[str, str]]:
        """The replacements, each with the language whose rules of case it follows: the text's, unless overridden."""
        return ((new, language) for new in self.replacements(word, language))

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All replacements of all words.

        Args:
            example: the text or texts to perturb.
            rng: not used.

        Returns:
            Distinct single edits, the first text's first and in reading order, none a no-op.
        """
        return [edit for word in self.words(example) for edit in word]

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """A random replacement of a random word: all words that have any are equally likely."""
        words = self.words(example)
        return rng.choice(rng.choice(words)) if words else None

    def words(self, example: Example) -> list[list[Edit]]:
        """The edits of each word that has any."""
        found: list[list[Edit]] = []
        for side in self.sides:
            text, language = getattr(example, side), example.side_language(side)
            if not text:
                continue
            key = (text, language, side)
            if (own := self._edits.get(key)) is None:
                own = list(self._analysed(*key)) if self.supports(language) else []
                if len(self._edits) >= _REMEMBERED:
                    self._edits.clear()
                self._edits[key] = own
            found += own
        return found

    def _analysed(self, text: str, language: str, side: Side) -> Iterator[list[Edit]]:
        bounds = cluster_bounds(text).bounds
        at_bound = {bound: at for at, bound in enumerate(bounds)}
        done = 0
        for place in _places(text, language):
            if place.start < done or place.start not in at_bound or place.end not in at_bound:
                continue  # within a whole that has been replaced, or within a grapheme cluster
            first, last = at_bound[place.start], at_bound[place.end]
            left, right = text[bounds[max(first - 1, 0)] : place.start], text[place.end : bounds[last : last + 2][-1]]
            old = text[place.start : place.end]
            options = dict.fromkeys(
                _parted(text, place, match_case(new, old, turkic=base_language(own) in _TURKIC))
                for new, own in self._looked_up(old, language)
                if _WORDLIKE.fullmatch(new)
            )
            edits = [Edit(place.start, place.end, new, side) for new in options if is_sound(left, old, new, right)]
            if edits:
                done = place.end
                yield edits

    def _looked_up(self, word: str, language: str) -> Iterable[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if base_language(language) in _TURKIC and ("I" in word or "İ" in word):  # case folding takes I for a capital i
            found = list(self.proposals(change_case(word, upper=False, turkic=True), language))
        return found or self.proposals(word, language)


def match_case(new: str, old: str, *, turkic: bool = False) -> str:
    """A word written with the capitals of the one that it replaces.

    Args:
        new: the word, as in the dictionary; unless all is to be in capitals, it keeps what capitals it has.
        old: the word that it replaces.
        turkic: whether the capital of i is İ.

    >>> [match_case("movie", old) for old in ("film", "Film", "FILM", "iFilm", "电影")]
    ['movie', 'Movie', 'MOVIE', 'movie', 'movie']
    >>> match_case("iPhone", "Phone"), match_case("Haus", "heim"), match_case("iyi", "Hoş", turkic=True)
    ('iPhone', 'Haus', 'İyi')
    """
    cased = [letter for letter in old if letter.isupper() or letter.islower() or letter.istitle()]
    capitals = [not letter.islower() for letter in cased]
    if not any(capitals[:1]) or script(new[0]) == "GEORGIAN":  # whose capitals are for headlines only
        return new
    if len(capitals) > 1 and all(capitals):
        return change_case(new, upper=True, turkic=turkic)
    if any(capitals[1:]) or any(letter.isupper() or letter.istitle() for letter in new):
        return new
    first = "İ" if turkic and new[0] == "i" else new[0].title()
    return first + new[1:]


def _places(text: str, language: str) -> list[_Place]:
    """Words that may be looked up, in reading order, each whole before its parts."""
    places = set()
    for run in split_words(text):
        for start, end in run.parts:
            if not run.spaced or _is_whole(text, start, end, language):
                places.add(_Place(start, end, run.spaced))
    for token in _TOKEN.finditer(text):
        runs = split_words(token.group())
        if runs and all(run.spaced for run in runs):
            places.add(_Place(token.start(), token.end(), True))
    return sorted(places, key=lambda place: (place.start, -place.end))


def _is_whole(text: str, start: int, end: int, language: str) -> bool:
    """Whether a run of letters is a word by itself, and not joined to others."""
    starts = _STARTS.match(text, start) or (
        base_language(language) in _ELIDING and _STARTS_ELIDED.match(text, start) is not None
    )
    return bool(starts and _ENDS.match(text, end))


def _parted(text: str, place: _Place, new: str) -> str:
    """The replacement, with a space where otherwise a word of a script without spaces would have kept it apart."""
    if place.spaced or not _is_spaced(new):
        return new
    before, after = text[: place.start][-1:], text[place.end : place.end + 1]
    leading = " " if before and unicodedata.category(before)[0] in "LMN" else ""
    return leading + new + (" " if after.isnumeric() or _is_spaced(after) else "")


def _is_spaced(text: str) -> bool:
    """Whether the first letters of a text are of a script that puts spaces between words."""
    runs = split_words(text)
    return bool(runs) and runs[0].spaced
