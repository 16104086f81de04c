"""Replacing words by other words: the common base of synonym substitution and code-mixing."""

from __future__ import annotations

import random
import unicodedata
from abc import abstractmethod
from bisect import bisect_left
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

_REMEMBERED = 1024  # texts whose edits are cached, before the cache is cleared
_TURKIC = frozenset(["tr", "az"])
# A token between spaces, without the punctuation around it.
_TOKEN = regex.compile(r"[\p{L}\p{N}](?:\S*[\p{L}\p{M}\p{N}])?")
_WORDLIKE = regex.compile(r"[\p{L}\p{N}](?:.*[\p{L}\p{M}\p{N}.'’])?")
# Characters that do not separate words when between letters (UAX #29): "col·legi", "сім'я", "e.g.", "a@b.org".
_JOINT = r"[\p{WB=MidLetter}\p{WB=MidNumLet}\p{WB=Single_Quote}\p{Cf}\"@]"
_STARTS = regex.compile(rf"(?<![\p{{N}}_]|[\p{{L}}\p{{M}}\p{{N}}]{_JOINT})")
_ENDS = regex.compile(rf"(?![\p{{N}}_]|(?!['’]s\b){_JOINT}[\p{{L}}\p{{N}}])")
# Languages in which an elided short word before an apostrophe precedes a whole word: "l'eau", "dell'acqua".
_ELIDING = frozenset("fr it ca oc co eo fur lb lmo pms sc scn vec wa nap".split())
_STARTS_ELIDED = regex.compile(r"(?<=\p{L}\p{M}*['’])")


class Place(NamedTuple):
    """The span ``[start, end)`` of a word to look up, and whether its script puts spaces between words."""

    start: int
    end: int
    spaced: bool


class WordSubstitution(Perturbation):
    """Replaces one word by another; the subclass says which replacements a word has.

    Words are those of :func:`~xltrobust.text.words.word_parts`. In scripts with spaces, a token between spaces
    without the punctuation around it is a word too (``don't``, ``rendez-vous``); if the whole token has a replacement,
    its parts are not replaced. Fragments are not words: letters next to a digit (``pm`` in ``7pm``), and letters
    joined to others by an apostrophe or full stop (``don`` in ``don't``; but ``dog`` in ``dog's`` and ``eau`` in
    French ``l'eau`` are words).

    A replacement takes the case of the word it replaces (initial capital or all capitals), unless it has capitals
    itself (``iPhone``, German nouns). Affixes (``-en``) are not used as replacements. Every replacement still changes
    the text after normalisation, and leaves the characters around it intact.

    When a word of a script with spaces replaces one of a script without, a space is added before it if it follows a
    letter or digit, and after it if a digit or a letter of a script with spaces follows. Adjacent words that are both
    replaced therefore stay separate (``我喜欢猫``: ``我 like猫``, ``I like cat``).

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.
    """

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        self.sides = checked_subset("sides", sides, ("text", "text_pair"))
        self._edits: dict[tuple[str, str, Side], list[list[Edit]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_edits": {}}

    @abstractmethod
    def replacements(self, word: str, language: str) -> Sequence[str]:
        """The replacements of a word, spelled as in the dictionary: the caller adapts case and spaces."""

    def listed(self, word: str, language: str) -> Sequence[str]:
        """The dictionary's entry for a word in exactly this spelling."""
        return self.replacements(word, language)

    def proposals(self, word: str, language: str) -> Iterable[tuple[str, str]]:
        """The replacements, each with the language whose case rules apply to it: the text's, unless overridden."""
        return ((new, language) for new in self.replacements(word, language))

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All replacements of all words.

        Args:
            example: the text or texts to perturb.
            rng: not used.

        Returns:
            Distinct single edits, none a no-op, in the order of ``sides`` and, within a text, in reading order.
        """
        return [edit for word in self.words(example) for edit in word]

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """A random replacement of a word drawn uniformly from those that have any."""
        words = self.words(example)
        return rng.choice(rng.choice(words)) if words else None

    def words(self, example: Example) -> list[list[Edit]]:
        """The edits of each word, for the words that have any."""
        found: list[list[Edit]] = []
        for side in self.sides:
            text, language = getattr(example, side), example.side_language(side)
            if not text:
                continue
            key = (text, language, side)
            if (edits := self._edits.get(key)) is None:
                edits = list(self._analysed(*key)) if self.supports(language) else []
                if len(self._edits) >= _REMEMBERED:
                    self._edits.clear()
                self._edits[key] = edits
            found += edits
        return found

    def _analysed(self, text: str, language: str, side: Side) -> Iterator[list[Edit]]:
        done = 0
        for place in _places(text, language):
            if place.start < done:
                continue  # part of a token that has replacements
            edits = word_edits(text, place, self._looked_up(text[place.start : place.end], language), side)
            if edits:
                done = place.end
                yield edits

    def _looked_up(self, word: str, language: str) -> Iterable[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if base_language(language) in _TURKIC and ("I" in word or "İ" in word):  # case folding would map I to i, not ı
            found = list(self.proposals(change_case(word, upper=False, turkic=True), language))
        return found or self.proposals(word, language)


def word_edits(text: str, place: Place, replacements: Iterable[tuple[str, str]], side: Side) -> list[Edit]:
    """The edits that put replacements, each given with its language, in the place of a word.

    Case and spaces are those that :class:`WordSubstitution` describes. There is none for a replacement that is no word,
    and none at all for a word that ends within a grapheme cluster.
    """
    bounds = cluster_bounds(text).bounds
    first, last = bisect_left(bounds, place.start), bisect_left(bounds, place.end)
    if (bounds[first], bounds[last]) != (place.start, place.end):
        return []
    left, right = text[bounds[max(first - 1, 0)] : place.start], text[place.end : bounds[last : last + 2][-1]]
    old = text[place.start : place.end]
    options = dict.fromkeys(
        _parted(text, place, match_case(new, old, turkic=base_language(language) in _TURKIC))
        for new, language in replacements
        if _WORDLIKE.fullmatch(new)
    )
    return [Edit(place.start, place.end, new, side) for new in options if is_sound(left, old, new, right)]


def match_case(new: str, old: str, *, turkic: bool = False) -> str:
    """The new word, capitalised like the word that it replaces.

    Args:
        new: the word, as in the dictionary. It keeps its own capitals, unless all of it is to be in capitals.
        old: the word that it replaces.
        turkic: whether the capital of i is İ.

    >>> [match_case("movie", old) for old in ("film", "Film", "FILM", "iFilm", "电影")]
    ['movie', 'Movie', 'MOVIE', 'movie', 'movie']
    >>> match_case("iPhone", "Phone"), match_case("Haus", "heim"), match_case("iyi", "Hoş", turkic=True)
    ('iPhone', 'Haus', 'İyi')
    """
    cased = [letter for letter in old if letter.isupper() or letter.islower() or letter.istitle()]
    capitals = [not letter.islower() for letter in cased]
    if not any(capitals[:1]) or script(new[0]) == "GEORGIAN":  # Georgian uses its capitals in headlines only
        return new
    if len(capitals) > 1 and all(capitals):
        return change_case(new, upper=True, turkic=turkic)
    if any(capitals[1:]) or any(letter.isupper() or letter.istitle() for letter in new):
        return new
    first = "İ" if turkic and new[0] == "i" else new[0].title()
    return first + new[1:]


def _places(text: str, language: str) -> list[Place]:
    """The words to look up, in reading order, each token before its parts."""
    places = set(filter(None, whole_words(text, language)))
    for token in _TOKEN.finditer(text):
        runs = split_words(token.group())
        if runs and all(run.spaced for run in runs):
            places.add(Place(token.start(), token.end(), True))
    return sorted(places, key=lambda place: (place.start, -place.end))


def whole_words(text: str, language: str) -> list[Place | None]:
    """The place of each of :func:`~xltrobust.text.words.word_parts`; None for a fragment of a word."""
    return [
        Place(start, end, run.spaced) if not run.spaced or _is_whole(text, start, end, language) else None
        for run in split_words(text)
        for start, end in run.parts
    ]


def _is_whole(text: str, start: int, end: int, language: str) -> bool:
    """Whether a run of letters is a word by itself, not a fragment of one."""
    starts = _STARTS.match(text, start) or (
        base_language(language) in _ELIDING and _STARTS_ELIDED.match(text, start) is not None
    )
    return bool(starts and _ENDS.match(text, end))


def _parted(text: str, place: Place, new: str) -> str:
    """The replacement, with spaces around it where a script without spaces needed none: see WordSubstitution."""
    if place.spaced or not _is_spaced(new):
        return new
    before, after = text[: place.start][-1:], text[place.end : place.end + 1]
    leading = " " if before and unicodedata.category(before)[0] in "LMN" else ""
    return leading + new + (" " if after.isnumeric() or _is_spaced(after) else "")


def _is_spaced(text: str) -> bool:
    """Whether the first letters of a text belong to a script that puts spaces between words."""
    runs = split_words(text)
    return bool(runs) and runs[0].spaced
