"""A bilingual lexicon whose lookup tolerates other case, missing diacritics and inflection."""

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
# Marks that writers commonly omit: Hebrew and Arabic vowel points, and Cyrillic stress. (The dots of ё are replaced in
# strip_diacritics.) The marks of й, ї, ў, ѓ and ќ are not among them: they make different letters.
_OPTIONAL = regex.compile(r"[\u05B0-\u05BD\u05BF\u05C1\u05C2\u05C7\u064B-\u0652\u0670]|(?<=[аеёиоуыэюяіїє])\u0301")
_TRIES = 1000


class BilingualLexicon(WordTable):
    """Words of one language with their translations into another.

    Four routes to a word's translations are tried in turn, and the first that finds any is taken:

    - ``exact``: the word as it is spelt;
    - ``case``: ignoring case;
    - ``diacritics``: ignoring diacritics, if either the word or the headword is written without them ("fenetre" finds
      "fenêtre", but "péché" does not find "pêche");
    - ``inflection``: by the Snowball stem ("Lichter" finds "Licht"). Of several headwords with that stem, it
      takes the one of which the word begins with the largest part.

    Diacritics are the marks of Latin and Greek letters, the dots of ё, Cyrillic stress marks, and Arabic and Hebrew
    vowel points. й and и remain different letters.

    Args:
        source_language: language of the headwords, as a code of :func:`~xltrobust.text.languages.base_language`.
            Without a Snowball stemmer for it, there is no ``inflection`` route.
        target_language: language of the translations, likewise.
        path: a file or WordNet that :func:`~xltrobust.text.word_table.read_table` reads.
        shuffled: exchange the translations between words, as a control: the words and the lists of translations stay
            the same, but no word keeps any of its translations.
        seed: seed of the shuffle.
        inflection: whether to look words up by their stems.

    Raises:
        ValueError: if a language code is malformed, or both are of the same language.
        TableError: if the file cannot be read, or has too few words to shuffle.

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
        """A lexicon from a table in memory, such as an induced one; the other arguments are those of the class."""
        lexicon = cls.__new__(cls)
        lexicon._set_up(table, "the table", source_language, target_language, shuffled, seed, inflection)
        return lexicon

    def _set_up(
        self, table: WordTable, name: str, source: str, target: str, shuffled: bool, seed: int, inflection: bool
    ) -> None:
        self.source_language, self.target_language = base_language(source), base_language(target)
        if self.source_language == self.target_language:
            raise ValueError(f"Expected argument `target_language` to differ from {source!r}, but got {target!r}.")
        self.source, self.shuffled, self.seed, self.inflection = name, shuffled, seed, inflection
        self.update(_shuffled(table, derived_seed("lexicon", seed), name) if shuffled else table)

    def described(self) -> dict[str, Any]:
        """As :meth:`WordTable.described`, plus the arguments that the lookup depends on."""
        arguments = {name: getattr(self, name) for name in ("source_language", "target_language", "source", "shuffled",
                                                            "seed", "inflection")}  # fmt: skip
        return super().described() | arguments

    def lookup(self, word: str) -> tuple[str, ...]:
        """The translations of a word by the first route that finds any; empty if none does."""
        return self.found(word)[1]

    def found(self, word: str) -> tuple[Route | None, tuple[str, ...]]:
        """The route by which a word is found, and its translations; ``(None, ())`` if it is not found."""
        word = unicodedata.normalize("NFC", word)
        if word in self:
            return "exact", self[word]
        if translations := super().lookup(word):
            return "case", translations
        bare = strip_diacritics(fold(word))
        if unmarked := [entry for entry in self._by_bare.get(bare, ()) if bare in (fold(word), fold(entry))]:
            return "diacritics", self._union(unmarked)
        word_stem = self._stem(fold(word))
        if word_stem and (same_stem := self._by_stem.get(word_stem)):
            nearness = {entry: _nearness(fold(word), fold(entry)) for entry in same_stem}
            best = max(nearness.values())
            return "inflection", self._union(entry for entry in same_stem if nearness[entry] == best)
        return None, ()

    def coverage(self, texts: Iterable[str]) -> dict[str, Any]:
        """How many of the words of texts have translations, as shares of running words and of distinct words.

        Returns:
            ``words`` and ``distinct_words``: their numbers. ``running`` and ``distinct``: dictionaries with the share
            found by each route and by any (``all``).
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
        return tuple(dict.fromkeys(translation for word in words for translation in self[word]))

    def _stem(self, word: str) -> str:
        return stem(word, self.source_language) if self.inflection else ""

    @cached_property
    def _by_bare(self) -> dict[str, list[str]]:
        return _grouped((strip_diacritics(fold(word)), word) for word in self)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _grouped((self._stem(fold(word)), word) for word in self)


def strip_diacritics(word: str) -> str:
    """Removes the marks that writers commonly omit; those that make a different letter (й, ї, Hindi vowels) stay.

    >>> [strip_diacritics(word) for word in ("fenêtre", "ёлка", "мой", "замо\\u0301к", "ти́хий", "كَلْب", "क्षमा")]
    ['fenetre', 'елка', 'мой', 'замок', 'тихий', 'كلب', 'क्षमा']
    """
    if word.isascii():
        return word
    bare = _OPTIONAL.sub("", unicodedata.normalize("NFC", word)).translate({0x451: 0x435, 0x401: 0x415})
    parts = _MARKED.sub(lambda marked: marked.group()[0], unicodedata.normalize("NFD", bare))
    return unicodedata.normalize("NFC", parts)


def _nearness(word: str, headword: str) -> tuple[float, int]:
    """The share of a headword that the word begins with, and its length: "Lichter" is nearer "Licht" than "lichten"."""
    shared = len(commonprefix([word, headword]))
    return shared / len(headword), shared


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, word in pairs:
        groups.setdefault(key, []).append(word)
    return groups


def _shuffled(table: WordTable, seed: int, name: str) -> dict[str, tuple[str, ...]]:
    """Exchanges translations so that no word keeps one of its translations or is given itself."""
    rng = random.Random(seed)
    words, given = list(table), list(table.values())
    rng.shuffle(given)
    forbidden = [{fold(word), *map(fold, table[word])} for word in words]
    folded = {translations: frozenset(map(fold, translations)) for translations in given}
    for at in range(len(words)):
        tries = 0
        while forbidden[at] & folded[given[at]]:
            other = rng.randrange(len(words))
            tries += 1
            if tries > _TRIES:
                raise TableError(f"{name}: too few words with different translations to shuffle; use a larger lexicon.")
            # Swap only if neither word is then given a forbidden translation.
            if not forbidden[other] & folded[given[at]] and not forbidden[at] & folded[given[other]]:
                given[at], given[other] = given[other], given[at]
    return dict(zip(words, given, strict=True))
