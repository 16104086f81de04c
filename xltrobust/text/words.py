"""Words and grapheme clusters: the units in which text is perturbed, in scripts with and without spaces."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Literal, NamedTuple

import regex
from icu4py.breakers import WordBreaker

# Unicode's extended grapheme clusters (UAX #29), with two corrections, as some versions split what is written as one:
# spacing marks stay with their letter, and conjuncts (Kannada, Burmese, Khmer) stay whole.
_CLUSTER = regex.compile(r"\X(?:(?<=[\u0CCD\u1039\u17D2])(?=\p{L})\X|(?=\p{M})\X)*+")
_EAST_ASIAN = regex.compile(r"(?V1)[[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}]&&\p{L}]")
_SOUTHEAST_ASIAN = regex.compile(r"(?V1)[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&\p{L}]")
_FORMAT = regex.compile(r"\p{Cf}+")

Kind = Literal["", "spaced", "east_asian", "southeast_asian"]


class Word(NamedTuple):
    """A run of letters: one word or, in scripts without spaces, all words that follow each other without a break.

    Args:
        bounds: the start of each of the run's C clusters in the text, and the end of the last: C + 1 positions.
        clusters: the C grapheme clusters.
        spaced: whether the script puts spaces between words, so that the run is a single word.
        parts: start and end in the text of each word of the run.
        before: the cluster before the run; empty at the start of the text.
        after: the cluster after the run; empty at the end of the text.
    """

    bounds: tuple[int, ...]
    clusters: tuple[str, ...]
    spaced: bool
    parts: tuple[tuple[int, int], ...]
    before: str
    after: str


def split_clusters(text: str) -> list[str]:
    """Splits a text into what readers perceive as characters, from letters with marks to emoji sequences.

    >>> split_clusters("क्षमा👩‍👧é")
    ['क्ष', 'मा', '👩\u200d👧', 'é']
    """
    return list(text) if text.isascii() else _CLUSTER.findall(text)


@lru_cache(maxsize=1024)
def split_words(text: str) -> tuple[Word, ...]:
    """The runs of letters of a text, in order; digits, punctuation, symbols and white space are in none.

    >>> [("".join(word.clusters), len(word.parts)) for word in split_words("B2B: 我很喜欢iPhone!")]
    [('B', 1), ('B', 1), ('我很喜欢', 2), ('iPhone', 1)]
    """
    clusters = split_clusters(text)
    bounds = tuple(accumulate(map(len, clusters), initial=0))
    words, at = [], 0
    for kind, run in groupby(clusters, key=_kind):
        run_clusters = tuple(run)
        end = at + len(run_clusters)
        if kind:
            run_bounds = bounds[at : end + 1]
            parts = ((bounds[at], bounds[end]),) if kind == "spaced" else _segment(text, run_bounds)
            before, after = clusters[at - 1] if at else "", clusters[end] if end < len(clusters) else ""
            words.append(Word(run_bounds, run_clusters, kind == "spaced", parts, before, after))
        at = end
    return tuple(words)


def _segment(text: str, bounds: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Segments a run of an unspaced script by ICU's dictionaries; no word ends within a grapheme cluster."""
    whole = set(bounds)
    # ICU chooses its dictionary by script, so the locale that icu4py asks for does not matter.
    ends = (bounds[0] + end for _, end in WordBreaker(text[bounds[0] : bounds[-1]], "en").segments())
    cuts = [bounds[0], *(end for end in ends if end in whole)]
    return tuple(zip(cuts, cuts[1:], strict=False))


@lru_cache(maxsize=4096)
def word_parts(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of each word, in order: runs of letters, segmented by ICU in scripts without spaces.

    >>> word_parts("turn it off"), word_parts("七点关掉它。")
    (((0, 4), (5, 7), (8, 11)), ((0, 1), (1, 2), (2, 4), (4, 5)))
    """
    return tuple(part for word in split_words(text) for part in word.parts)


def count_words(text: str) -> int:
    """The number of words in a text.

    >>> count_words("Turn it off at 7."), count_words("七点关掉它。")
    (4, 4)
    """
    return len(word_parts(text))


def count_words_of(*texts: str | None) -> int:
    """The number of words in several texts together, such as those of an example; None has none.

    >>> count_words_of("Turn it off.", None, "Now")
    4
    """
    return sum(count_words(text) for text in texts if text)


def word_span(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)``, extended to include all of the words it touches; unchanged in scripts without spaces.

    >>> word_span("turn it off", 6, 7)
    (5, 7)
    """
    words = split_words(text)
    first = bisect_left(words, start, key=lambda word: word.bounds[-1])
    last = bisect_right(words, end, key=lambda word: word.bounds[0])
    touched = [word for word in words[first:last] if word.spaced]
    if not touched:
        return start, end
    return min(start, touched[0].bounds[0]), max(end, touched[-1].bounds[-1])


def normalize(text: str) -> str:
    """Normalises a text as tokenizers do: NFKC, no format characters, single spaces. Case is kept.

    A victim cannot tell texts apart that are equal after this, so an edit must change the normalised text.
    """
    if not text.isascii():
        text = _FORMAT.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(text.split())


def _kind(cluster: str) -> Kind:
    return _letter_kind(cluster[0])


@lru_cache(maxsize=65536)
def _letter_kind(character: str) -> Kind:
    if not unicodedata.category(character).startswith("L"):
        return ""
    if _EAST_ASIAN.match(character):
        return "east_asian"
    return "southeast_asian" if _SOUTHEAST_ASIAN.match(character) else "spaced"


@lru_cache(maxsize=65536)
def script(character: str) -> str:
    """The first word of a letter's Unicode name, which names its script.

    >>> script("a"), script("я"), script("我")
    ('LATIN', 'CYRILLIC', 'CJK')
    """
    return unicodedata.name(character, "UNKNOWN").split()[0]
