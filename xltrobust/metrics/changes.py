"""How much an attack changed a text."""

from __future__ import annotations

from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from xltrobust.example import Example
from xltrobust.text.words import split_clusters, word_parts


class Changes(NamedTuple):
    """What differs between an original and its adversarial example.

    Attributes:
        changed: which texts differ; None if neither does.
        words: Levenshtein distance in words, summed over both texts and divided by the number of words of the original.
        characters: the same in grapheme clusters, white space included.
    """

    changed: Literal["text", "text_pair", "both"] | None
    words: float
    characters: float


def changes(original: Example, adversarial: Example) -> Changes:
    """Compares the texts of two examples, whatever edits led from one to the other.

    >>> changes(Example("0", "en", "turn it off", 0), Example("0", "en", "turn ti", 0))
    Changes(changed='text', words=0.6666666666666666, characters=0.45454545454545453)
    """
    texts = [(original.text, adversarial.text), (original.text_pair or "", adversarial.text_pair or "")]
    first, second = (old != new for old, new in texts)
    words = [(_words(old), _words(new)) for old, new in texts]
    characters = [(split_clusters(old), split_clusters(new)) for old, new in texts]
    side: Literal["text", "text_pair", "both"] | None = None
    if first or second:
        side = "both" if first and second else "text" if first else "text_pair"
    return Changes(side, _share(words), _share(characters))


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_parts(text)]


def _share(pairs: list[tuple[list[str], list[str]]]) -> float:
    return sum(Levenshtein.distance(old, new) for old, new in pairs) / max(1, sum(len(old) for old, _ in pairs))
