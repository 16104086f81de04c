"""Grapheme clusters: what readers perceive as single characters."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from xltrobust.text.words import normalize, split_clusters


class Clusters(NamedTuple):
    """The C grapheme clusters of a text, and C + 1 bounds: the start of each, then the length of the text."""

    clusters: tuple[str, ...]
    bounds: tuple[int, ...]


@lru_cache(maxsize=1024)
def cluster_bounds(text: str) -> Clusters:
    """Splits a text into grapheme clusters.

    >>> cluster_bounds("क्षमा")
    Clusters(clusters=('क्ष', 'मा'), bounds=(0, 3, 5))
    """
    clusters = tuple(split_clusters(text))
    return Clusters(clusters, tuple(accumulate(map(len, clusters), initial=0)))


def is_sound(left: str, old: str, new: str, right: str) -> bool:
    """Whether replacing ``old`` by ``new`` survives normalisation and keeps the clusters on both sides intact.

    >>> is_sound("a", "b", "c", "d"), is_sound("a", "b", "ｂ", "d"), is_sound("a", "b", "", "\\u0301")
    (True, False, False)
    """
    after = split_clusters(left + new + right)
    intact = [left] * bool(left) + split_clusters(new) + [right] * bool(right)
    return after == intact and normalize(left + old + right) != normalize(left + new + right)
