"""Whole words: one left out, or two neighbours exchanged, in languages that put spaces between words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from xltrobust.perturb.perturbations.sites import Site, SitePerturbation
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.scripts import UNSPACED, script_of
from xltrobust.text.words import split_words


class _SpacedWords(SitePerturbation):
    lacking = "spaces between words"

    def supports(self, language: str) -> bool:
        """Whether the language's script parts words by spaces."""
        return script_of(language) not in UNSPACED


class WordDropping(_SpacedWords):
    """Leaves out one word, with the space before it; punctuation stays.

    A word is what stands between spaces, without the punctuation around it (``j'ai``, ``rendez-vous``); in Vietnamese
    that is a syllable. What holds a digit is no word, for a number is nothing that a reader could restore. The only
    word of a text is never dropped. Whether the rest still means the same depends on the word: a constraint on stop
    words or similarity decides that.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or names something unknown.

    References:
        - Iyyer et al. Deep unordered composition rivals syntactic methods for text classification. ACL 2015.
        - Wei & Zou. EDA: easy data augmentation techniques for boosting performance on text classification tasks.
          EMNLP 2019.
    """

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"drop": _dropped(text)}


class LocalReordering(_SpacedWords):
    """Exchanges two neighbouring words between which there is nothing but space.

    Words are those of :class:`WordDropping`. A capital moves with its word; punctuation stays in its place.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or names something unknown.

    References:
        - Lample et al. Unsupervised machine translation using monolingual corpora only. ICLR 2018.
        - Sinha et al. UnNatural language inference. ACL 2021.
    """

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"swap": _swapped(text)}


@lru_cache(maxsize=1024)
def spaced_words(text: str) -> tuple[tuple[int, int], ...]:
    """Where words are, as numbers of grapheme clusters: the first, and the one after the last.

    >>> spaced_words("« J'ai 2 rendez-vous ! »")
    ((2, 6), (9, 20))
    """
    clusters = cluster_bounds(text).clusters
    found, start = [], 0
    for at in range(len(clusters) + 1):
        if at < len(clusters) and not clusters[at].isspace():
            continue
        first, last = start, at
        while first < last and not clusters[first][0].isalnum():
            first += 1
        while first < last and not clusters[last - 1][0].isalnum():
            last -= 1
        token, start = "".join(clusters[first:last]), at + 1
        runs = split_words(token)
        if runs and all(run.spaced for run in runs) and not any(character.isnumeric() for character in token):
            found.append((first, last))
    return tuple(found)


@lru_cache(maxsize=1024)
def _dropped(text: str) -> Sequence[Site]:
    clusters, words = cluster_bounds(text).clusters, spaced_words(text)
    if len(words) < 2:
        return ()
    found = []
    for start, last in words:
        first = start
        while first and clusters[first - 1].isspace():
            first -= 1
        if first == start:  # no space before it: the space after it goes
            while last < len(clusters) and clusters[last].isspace():
                last += 1
        found.append(Site(first, last, ("",)))
    return found


@lru_cache(maxsize=1024)
def _swapped(text: str) -> Sequence[Site]:
    clusters, words = cluster_bounds(text).clusters, spaced_words(text)
    found = []
    for (first, end), (start, last) in zip(words, words[1:], strict=False):
        between = clusters[end:start]
        if all(cluster.isspace() for cluster in between):
            found.append(Site(first, last, ("".join([*clusters[start:last], *between, *clusters[first:end]]),)))
    return found
