"""Words and grapheme clusters: the units in which text is perturbed, in scripts with and without spaces."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Literal, NamedTuple

import regex
from icu4py.breakers import WordBreaker

# Unicode's extended grapheme clusters (UAX #29), of which some versions part what is written as one: a mark that
# Unicode counts as spacing stays with its letter, and so do the halves of a conjunct (Kannada, Burmese, Khmer).
_CLUSTER = regex.compile(r"\X(?:(?<=[\u0CCD\u1039\u17D2])(?=\p{L})\X|(?=\p{M})\X)*+")
_EAST_ASIAN = regex.compile(r"(?V1)[[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}]&&\p{L}]")
_SOUTHEAST_ASIAN = regex.compile(r"(?V1)[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&\p{L}]")
_FORMAT = regex.compile(r"\p{Cf}+")

Kind = Literal["", "spaced", "east_asian", "southeast_asian"]


class Word(NamedTuple):
    """A run of letters: a word, or in scripts without spaces all words up to the next punctuation mark.

    Args:
        bounds: where each cluster starts in the text, and where the last one ends: one more than there are clusters.
        clusters: the grapheme clusters.
        spaced: whether the script puts spaces between words, so that this run is one word.
        parts: where each of its words starts and ends in the text.
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
    """Cut into what readers take for characters, from letters with marks to emoji sequences.

    >>> split_clusters("क्षमा👩‍👧é")
    ['क्ष', 'मा', '👩\u200d👧', 'é']
    """
    return list(text) if text.isascii() else _CLUSTER.findall(text)


@lru_cache(maxsize=1024)
def split_words(text: str) -> tuple[Word, ...]:
    """The runs of letters of a text, in order; digits, punctuation, symbols and white space belong to none.

    >>> [("".join(word.clusters), len(word.parts)) for word in split_words("B2B: 我很喜欢iPhone!")]
    [('B', 1), ('B', 1), ('我很喜欢', 2), ('iPhone', 1)]
    """
    clusters = split_clusters(text)
    bounds = tuple(accumulate(map(len, clusters), initial=0))
    words, at = [], 0
    for kind, run in groupby(clusters, key=_kind):
        own = tuple(run)
        end = at + len(own)
        if kind:
            own_bounds = bounds[at : end + 1]
            parts = ((bounds[at], bounds[end]),) if kind == "spaced" else _segment(text, own_bounds)
            before, after = clusters[at - 1] if at else "", clusters[end] if end < len(clusters) else ""
            words.append(Word(own_bounds, own, kind == "spaced", parts, before, after))
        at = end
    return tuple(words)


def _segment(text: str, bounds: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The words of a run without spaces, by ICU's dictionaries; none of them ends within a grapheme cluster."""
    whole = set(bounds)
    # The dictionaries go by script, so that the locale, which icu4py wants to know, does not matter.
    ends = (bounds[0] + end for _, end in WordBreaker(text[bounds[0] : bounds[-1]], "en").segments())
    cuts = [bounds[0], *(end for end in ends if end in whole)]
    return tuple(zip(cuts, cuts[1:], strict=False))


@lru_cache(maxsize=4096)
def word_parts(text: str) -> tuple[tuple[int, int], ...]:
    """Where each word starts and ends, in order: runs of letters, cut by ICU's segmenter where there are no spaces.

    >>> word_parts("turn it off"), word_parts("七点关掉它。")
    (((0, 4), (5, 7), (8, 11)), ((0, 1), (1, 2), (2, 4), (4, 5)))
    """
    return tuple(part for word in split_words(text) for part in word.parts)


def count_words(text: str) -> int:
    """How many words a text has.

    >>> count_words("Turn it off at 7."), count_words("七点关掉它。")
    (4, 4)
    """
    return len(word_parts(text))


def word_span(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` widened to the spaced words that it touches; unchanged where words are not spaced.

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
    """What is left of a text after the normalisations that tokenizers do: NFKC, no invisible characters, one space.

    Texts that agree in this are the same to a victim, so an edit has to change it. Letter case counts.
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
