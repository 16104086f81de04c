"""A lexicon of two languages that also finds words which a text spells or inflects differently."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from os.path import commonprefix
from typing import Any, Literal, get_args

import regex

from xltrobust.seeding import derived_seed
from xltrobust.text.languages import base_language
from xltrobust.text.lexicon_formats import TableError
from xltrobust.text.stems import stem
from xltrobust.text.word_table import WordTable, fold, read_table
from xltrobust.text.words import word_parts

Route = Literal["exact", "case", "diacritics", "inflection"]
_MARKED = regex.compile(r"[\p{Latin}\p{Greek}]\p{Mn}+")
# Vowel points, which texts leave out, and in Cyrillic stress and the dots of ё: not the marks of й, ї, ў, ѓ, ќ.
_OPTIONAL = regex.compile(r"[\u05B0-\u05BD\u05BF\u05C1\u05C2\u05C7\u064B-\u0652\u0670]|(?<=[аеёиоуыэюяіїє])\u0301")
_TRIES = 1000


class BilingualLexicon(WordTable):
    """Words of one language with their translations into another.

    A word of a text is looked up as it is spelt; else without regard to case; else without diacritics, where either
    the text or the lexicon has none ("fenetre", but not "péché" for "pêche"); else by its stem, as Snowball cuts it
    ("Lichter" for "Licht"): of the words with that stem, the one that it begins with. Diacritics are those of
    Latin and Greek letters, ё, and the stress and vowel points of Cyrillic, Arabic and Hebrew; й is not и.

    Args:
        source_language: language of the words, any spelling of its code; those without a stemmer are not inflected.
        target_language: language of the translations.
        path: what :func:`~xltrobust.text.word_table.read_table` reads.
        shuffled: give every word another word's translations, as a control: same words, same translations, same
            number of them, but none of its own among them.
        seed: of the shuffle.
        inflection: whether to look up stems.

    Raises:
        ValueError: if the languages are the same or no language codes.
        TableError: if the file cannot be read, or has too few words to be shuffled.

    References:
        - Porter. Snowball: a language for stemming algorithms. 2001.
    """

    def __init__(
        self,
        *,
        source_language: str,
        target_language: str,
        path: str,
        shuffled: bool = False,
        seed: int = 0,
        inflection: bool = True,
    ) -> None:
        self._set_up(read_table(path), path, source_language, target_language, shuffled, seed, inflection)

    @classmethod
    def from_table(
        cls,
        table: WordTable,
        *,
        source_language: str,
        target_language: str,
        shuffled: bool = False,
        seed: int = 0,
        inflection: bool = True,
    ) -> BilingualLexicon:
        """The same of a table that is there already, such as an induced lexicon's; see the class for the arguments."""
        lexicon = cls.__new__(cls)
        lexicon._set_up(table, "the table", source_language, target_language, shuffled, seed, inflection)
        return lexicon

    def _set_up(
        self, table: WordTable, name: str, source: str, target: str, shuffled: bool, seed: int, inflection: bool
    ) -> None:
        self.source_language, self.target_language = base_language(source), base_language(target)
        if self.source_language == self.target_language:
            raise ValueError(f"Expected argument `target_language` to be other than {source!r}, but got {target!r}.")
        self.source, self.shuffled, self.seed, self.inflection = name, shuffled, seed, inflection
        self.update(_shuffled(table, derived_seed("lexicon", seed), name) if shuffled else table)

    def described(self) -> dict[str, Any]:
        """As :meth:`WordTable.described`, with what else the lookup depends on."""
        own = {name: getattr(self, name) for name in ("source_language", "target_language", "source", "shuffled",
                                                      "seed", "inflection")}  # fmt: skip
        return super().described() | own

    def lookup(self, word: str) -> tuple[str, ...]:
        """The translations of a word, by the first route that leads to any; none if no route does."""
        return self.found(word)[1]

    def found(self, word: str) -> tuple[Route | None, tuple[str, ...]]:
        """By which route a word is found, and its translations."""
        word = unicodedata.normalize("NFC", word)
        if word in self:
            return "exact", self[word]
        if found := super().lookup(word):
            return "case", found
        bare = strip_diacritics(fold(word))
        if near := [own for own in self._by_bare.get(bare, ()) if bare in (fold(word), fold(own))]:
            return "diacritics", self._union(near)
        own_stem = self._stem(fold(word))
        if own_stem and (same := self._by_stem.get(own_stem)):
            nearness = {own: _nearness(fold(word), fold(own)) for own in same}
            best = max(nearness.values())
            return "inflection", self._union(own for own in same if nearness[own] == best)
        return None, ()

    def coverage(self, texts: Iterable[str]) -> dict[str, Any]:
        """How many words of texts have translations, as shares of all running words and of all distinct ones.

        Returns:
            ``words`` and ``distinct_words``, counts; ``running`` and ``distinct``, each a dictionary with the share of
            every route and ``all``.
        """
        counts = Counter(
            unicodedata.normalize("NFC", text[start:end]) for text in texts for start, end in word_parts(text)
        )
        running: Counter[str] = Counter()
        distinct: Counter[str] = Counter()
        for word, count in counts.items():
            if route := self.found(word)[0]:
                running.update({route: count, "all": count})
                distinct.update({route: 1, "all": 1})
        names = (*get_args(Route), "all")
        total, different = counts.total(), len(counts)
        return {
            "words": total,
            "distinct_words": different,
            "running": {name: running[name] / max(total, 1) for name in names},
            "distinct": {name: distinct[name] / max(different, 1) for name in names},
        }

    def _union(self, words: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(other for own in words for other in self[own]))

    def _stem(self, word: str) -> str:
        return stem(word, self.source_language) if self.inflection else ""

    @cached_property
    def _by_bare(self) -> dict[str, list[str]]:
        return _grouped((strip_diacritics(fold(word)), word) for word in self)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _grouped((self._stem(fold(word)), word) for word in self)


def strip_diacritics(word: str) -> str:
    """A word without the marks that writers leave out; those that make other letters (й, ї, Hindi vowels) stay.

    >>> [strip_diacritics(word) for word in ("fenêtre", "ёлка", "мой", "замо\\u0301к", "ти́хий", "كَلْب", "क्षमा")]
    ['fenetre', 'елка', 'мой', 'замок', 'тихий', 'كلب', 'क्षमा']
    """
    if word.isascii():
        return word
    bare = _OPTIONAL.sub("", unicodedata.normalize("NFC", word)).translate({0x451: 0x435, 0x401: 0x415})
    parts = _MARKED.sub(lambda found: found.group()[0], unicodedata.normalize("NFD", bare))
    return unicodedata.normalize("NFC", parts)


def _nearness(word: str, headword: str) -> tuple[float, int]:
    """How much of a headword a word begins with, and how long that is: "Lichter" is nearer "Licht" than "lichten"."""
    shared = len(commonprefix([word, headword]))
    return shared / len(headword), shared


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, word in pairs:
        groups.setdefault(key, []).append(word)
    return groups


def _shuffled(table: WordTable, seed: int, name: str) -> dict[str, tuple[str, ...]]:
    """The translations dealt out anew, so that no word has one of its own, nor itself for a translation."""
    rng = random.Random(seed)
    words, given = list(table), list(table.values())
    rng.shuffle(given)
    own = [{fold(word), *map(fold, table[word])} for word in words]
    folded = {other: frozenset(map(fold, other)) for other in given}
    for at in range(len(words)):
        tries = 0
        while own[at] & folded[given[at]]:
            other = rng.randrange(len(words))
            tries += 1
            if tries > _TRIES:
                raise TableError(f"{name}: too few words with different translations to shuffle; use a larger lexicon.")
            # A swap must not give the other word one of its own.
            if not own[other] & folded[given[at]] and not own[at] & folded[given[other]]:
                given[at], given[other] = given[other], given[at]
    return dict(zip(words, given, strict=True))
