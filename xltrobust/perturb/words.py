"""Words and grapheme clusters: the units in which text is perturbed, in scripts with and without spaces."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Literal, NamedTuple

import regex

# Unicode's extended grapheme clusters (UAX #29), of which some versions part what is written as one: a mark that
# Unicode counts as spacing stays with its letter, and so do the halves of a conjunct (Kannada, Burmese, Khmer).
_CLUSTER = regex.compile(r"\X(?:(?<=[\u0CCD\u1039\u17D2])(?=\p{L})\X|(?=\p{M})\X)*+")
_EAST_ASIAN = regex.compile(r"(?V1)[[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}]&&\p{L}]")
_SOUTHEAST_ASIAN = regex.compile(r"(?V1)[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&\p{L}]")
_FORMAT = regex.compile(r"\p{Cf}+")

Kind = Literal["", "spaced", "east_asian", "southeast_asian"]

# How many clusters an average word has where no space tells: Chinese and Japanese words are mostly of two
# characters; Thai, Lao, Khmer and Burmese words of about three.
_CLUSTERS_PER_WORD = {"east_asian": 2, "southeast_asian": 3}


class Word(NamedTuple):
    """A run of letters: a word, or in scripts without spaces all words up to the next punctuation mark.

    Args:
        bounds: where each cluster starts in the text, and where the last one ends: one more than there are clusters.
        clusters: the grapheme clusters.
        spaced: whether the script puts spaces between words, so that this run is one word.
        length: about how many words this is.
        before: the cluster before the run; empty at the start of the text.
        after: the cluster after the run; empty at the end of the text.
    """

    bounds: tuple[int, ...]
    clusters: tuple[str, ...]
    spaced: bool
    length: int
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

    >>> [("".join(word.clusters), word.length) for word in split_words("B2B: 我很喜欢iPhone!")]
    [('B', 1), ('B', 1), ('我很喜欢', 2), ('iPhone', 1)]
    """
    clusters = split_clusters(text)
    bounds = tuple(accumulate(map(len, clusters), initial=0))
    words, at = [], 0
    for kind, run in groupby(clusters, key=_kind):
        own = tuple(run)
        end = at + len(own)
        if kind:
            length = max(1, round(len(own) / _CLUSTERS_PER_WORD.get(kind, len(own))))
            before, after = clusters[at - 1] if at else "", clusters[end] if end < len(clusters) else ""
            words.append(Word(bounds[at : end + 1], own, kind == "spaced", length, before, after))
        at = end
    return tuple(words)


def count_words(text: str) -> int:
    """How many words a text has; estimated from its length where the script puts no spaces between them.

    >>> count_words("Turn it off at 7."), count_words("七点关掉它。")
    (4, 2)
    """
    return sum(word.length for word in split_words(text))


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
