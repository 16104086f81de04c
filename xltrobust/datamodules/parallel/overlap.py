"""Finds training texts that contain what the model will be tested on."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

import regex

from xltrobust.text.languages import base_language

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_JOIN = "\0"
Overlap = Literal["exact", "contained", "unit"]


class OverlapFinder:
    """Finds texts that equal or nearly contain a text that must stay unseen, or that equal a unit of such texts.

    Texts are compared within a language, ignoring case, punctuation, spaces and compatibility characters.

    - ``exact``: the text equals an unseen text.
    - ``contained``: the text has at least a share ``containment`` of an unseen text's n-grams (Broder's containment,
      1997). This finds copies within longer sentences, even with a word changed at an end or in a long text. Unseen
      texts of fewer than ``ngram`` words are only found by equality: "turn off" is in many harmless sentences.
    - ``unit``: the text equals something that the task inserts into its texts as a whole, such as a slot value or an
      entity: the pair ("Living room", "Wohnzimmer") translates a part of a test text verbatim.

    A longer text that contains a unit among other words ("Name of the living room") is not an overlap: it teaches no
    more about the unit's words than any text does about its words, and values such as "on" are in a ninth of a user
    interface's texts. The words of units may therefore be in a lexicon induced from the remaining pairs.

    Args:
        unseen: texts by language.
        units: by language, the texts that the task inserts into unseen ones.
        ngram: words per n-gram; characters in scripts without spaces.
        containment: the smallest share of an unseen text's n-grams that counts as containing it.

    Raises:
        ValueError: if ``ngram`` is not positive, or ``containment`` is not in (0, 1].

    References:
        - Broder. On the resemblance and containment of documents. 1997.

    >>> finder = OverlapFinder({"en": ["Turn on the light in the kitchen"]})
    >>> finder("turn on the light, in the kitchen!", "en-GB")
    'exact'
    >>> finder("Say: turn on the lamp", "en"), finder("Say: turn on the light in the kitchen", "en")
    (None, 'contained')
    """

    def __init__(
        self,
        unseen: Mapping[str, Iterable[str]],
        units: Mapping[str, Iterable[str]] = MappingProxyType({}),
        *,
        ngram: int = 3,
        containment: float = 0.6,
    ) -> None:
        if ngram < 1:
            raise ValueError(f"Expected argument `ngram` to be at least 1, but got {ngram}.")
        if not 0 < containment <= 1:
            raise ValueError(f"Expected argument `containment` to be in (0, 1], but got {containment}.")
        self.ngram, self.containment = ngram, containment
        self._exact, self._units = _known(unseen), _known(units)
        self._needed: dict[str, list[int]] = {}  # from how many shared n-grams on each unseen text counts as contained
        self._holders: dict[str, dict[tuple[str, ...], list[int]]] = {}  # the unseen texts that have an n-gram
        self._least: dict[str, dict[tuple[str, ...], int]] = {}  # the smallest number that any of these needs
        for language, known in self._exact.items():
            grams_of_texts = [grams for tokens in sorted(known) if (grams := self._ngrams(tokens))]
            # Rounded before the ceiling, so that floating-point error does not raise 3 of 5 n-grams to 4.
            self._needed[language] = [math.ceil(round(containment * len(grams), 9)) for grams in grams_of_texts]
            holders = self._holders[language] = defaultdict(list)
            for number, grams in enumerate(grams_of_texts):
                for gram in grams:
                    holders[gram].append(number)
            needed = self._needed[language]
            self._least[language] = {gram: min(needed[i] for i in numbers) for gram, numbers in holders.items()}

    def __call__(self, text: str, language: str) -> Overlap | None:
        """How a text overlaps with an unseen text of its language; None if it does not."""
        base = base_language(language)
        if base not in self._exact and base not in self._units:
            return None
        tokens = normalized_words(text)
        if tokens in self._exact.get(base, ()):
            return "exact"
        if tokens in self._units.get(base, ()):
            return "unit"
        return "contained" if self._contains(tokens, base) else None

    def _contains(self, tokens: tuple[str, ...], base: str) -> bool:
        holders, needed = self._holders.get(base, {}), self._needed.get(base, [])
        shared = self._ngrams(tokens) & holders.keys()
        # Many unseen texts may contain "turn on the": count text by text only if one of them can need so few n-grams.
        if not shared or len(shared) < min(map(self._least[base].__getitem__, shared)):
            return False
        counts = Counter(number for gram in shared for number in holders[gram])
        return any(count >= needed[number] for number, count in counts.items())

    def _ngrams(self, tokens: tuple[str, ...]) -> set[tuple[str, ...]]:
        return set(zip(*(tokens[at:] for at in range(self.ngram)), strict=False))


def _known(texts: Mapping[str, Iterable[str]]) -> dict[str, set[tuple[str, ...]]]:
    known: dict[str, set[tuple[str, ...]]] = {}
    for language, of_language in texts.items():
        known.setdefault(base_language(language), set()).update(filter(None, map(normalized_words, of_language)))
    return known


class _Spacing(dict[int, str]):
    """A table for ``str.translate`` that separates tokens by spaces.

    Tokens are words, or characters with their marks in scripts without spaces: a word segmenter would take longer than
    everything else that is done to a pair.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind, unspaced = unicodedata.category(character)[0], _UNSPACED.match(character)
        if kind not in "LMN":
            spaced = " "
        elif not unspaced:
            spaced = character
        else:
            spaced = f"{_JOIN}{character} " if kind == "M" else f" {character} "
        self[code] = spaced
        return spaced


_SPACING = _Spacing()


def normalized_words(text: str) -> tuple[str, ...]:
    """A text's case-folded words, or characters in scripts without spaces, by which texts are compared."""
    same = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(same.casefold().translate(_SPACING).replace(f" {_JOIN}", "").split())
