"""Finds training text that holds what the model is going to be tested on."""

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
    """Tells texts that equal, or nearly contain, one of the texts that are to stay unseen, or equal a unit of these.

    Texts are compared in one language. Exact: equal but for case, punctuation, spaces and compatibility characters.
    Contained: of the unseen text's n-grams, at least a share of ``containment`` is in the other text (Broder 1997's
    containment), which finds copies within longer sentences, and with a word changed at an end or in a long
    text. A text of fewer than ``ngram`` words is found by equality alone: "turn off" is in many sentences that give
    nothing away. Unit: equal to what the task puts into its texts as a whole, the value of a slot or an entity: a pair
    ("Living room", "Wohnzimmer") translates a part of a test text as it stands. A longer text that holds a unit among
    other words ("Name of the living room") is no overlap: it teaches what any text teaches of the words it holds, and
    values such as "on" are in a ninth of a user interface's texts. So words of units may be in a lexicon of the rest.

    Args:
        unseen: texts by language.
        units: texts by language, of which unseen ones are made.
        ngram: words of an n-gram; characters in scripts without spaces.
        containment: the share from which on a text counts as contained.

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
        self._needed: dict[str, list[int]] = {}  # how many n-grams of each unseen text are too many
        self._holders: dict[str, dict[tuple[str, ...], list[int]]] = {}  # the texts that hold an n-gram
        self._least: dict[str, dict[tuple[str, ...], int]] = {}  # the fewest that one of these needs
        for language, known in self._exact.items():
            own = [grams for tokens in sorted(known) if (grams := self._ngrams(tokens))]
            # Rounded first: 3 of 5 n-grams are three fifths, whatever floating point says.
            self._needed[language] = [math.ceil(round(containment * len(grams), 9)) for grams in own]
            holders = self._holders[language] = defaultdict(list)
            for number, grams in enumerate(own):
                for gram in grams:
                    holders[gram].append(number)
            needed = self._needed[language]
            self._least[language] = {gram: min(needed[i] for i in numbers) for gram, numbers in holders.items()}

    def __call__(self, text: str, language: str) -> Overlap | None:
        """How a text gives an unseen one of its language away; None if it does not."""
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
        # Many unseen texts may hold "turn on the": they are not counted one by one unless one can be reached.
        if not shared or len(shared) < min(map(self._least[base].__getitem__, shared)):
            return False
        counts = Counter(number for gram in shared for number in holders[gram])
        return any(count >= needed[number] for number, count in counts.items())

    def _ngrams(self, tokens: tuple[str, ...]) -> set[tuple[str, ...]]:
        return set(zip(*(tokens[at:] for at in range(self.ngram)), strict=False))


def _known(texts: Mapping[str, Iterable[str]]) -> dict[str, set[tuple[str, ...]]]:
    known: dict[str, set[tuple[str, ...]]] = {}
    for language, own in texts.items():
        known.setdefault(base_language(language), set()).update(filter(None, map(normalized_words, own)))
    return known


class _Spacing(dict[int, str]):
    """Sets tokens apart by spaces: words, and in scripts without spaces characters with their marks.

    A segmenter would take longer than all else that is done to a pair.
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
    """What is compared of a text: its words, in scripts without spaces its characters, without regard to case."""
    same = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(same.casefold().translate(_SPACING).replace(f" {_JOIN}", "").split())
