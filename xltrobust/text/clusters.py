"""Grapheme clusters: what a reader takes for one character."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from xltrobust.text.words import normalize, split_clusters


class Clusters(NamedTuple):
    """The grapheme clusters of a text, and where each starts; the last bound is the text's length."""

    clusters: tuple[str, ...]
    bounds: tuple[int, ...]


@lru_cache(maxsize=1024)
def cluster_bounds(text: str) -> Clusters:
    """Cut a text into grapheme clusters.

    >>> cluster_bounds("क्षमा")
    Clusters(clusters=('क्ष', 'मा'), bounds=(0, 3, 5))
    """
    clusters = tuple(split_clusters(text))
    return Clusters(clusters, tuple(accumulate(map(len, clusters), initial=0)))


def is_sound(left: str, old: str, new: str, right: str) -> bool:
    """Whether putting ``new`` for ``old`` outlasts normalisation and leaves the clusters on both sides whole.

    >>> is_sound("a", "b", "c", "d"), is_sound("a", "b", "ｂ", "d"), is_sound("a", "b", "", "\\u0301")
    (True, False, False)
    """
    after = split_clusters(left + new + right)
    intact = [left] * bool(left) + split_clusters(new) + [right] * bool(right)
    return after == intact and normalize(left + old + right) != normalize(left + new + right)
