"""Word-level errors: one word dropped, or two adjacent words swapped, in languages with spaces between words."""

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
        """Whether the language's script separates words by spaces."""
        return script_of(language) not in UNSPACED


class WordDropping(_SpacedWords):
    """Drops one word and the space before it; punctuation stays.

    A word is a token between spaces without the punctuation around it (``j'ai``, ``rendez-vous``), which in Vietnamese
    is a syllable. Tokens that contain a digit do not count, since a reader could not restore a number. The only word
    of a text is never dropped. Dropping a word may change the meaning: combine with a constraint on stop words or
    similarity to prevent that.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.

    References:
        - Iyyer et al. Deep unordered composition rivals syntactic methods for text classification. ACL 2015.
        - Wei & Zou. EDA: easy data augmentation techniques for boosting performance on text classification tasks.
          EMNLP 2019.
    """

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"drop": _dropped(text)}


class LocalReordering(_SpacedWords):
    """Swaps two adjacent words that are separated by white space only.

    Words are defined as in :class:`WordDropping`. A capital moves with its word; punctuation stays in place.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.

    References:
        - Lample et al. Unsupervised machine translation using monolingual corpora only. ICLR 2018.
        - Sinha et al. UnNatural language inference. ACL 2021.
    """

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"swap": _swapped(text)}


@lru_cache(maxsize=1024)
def spaced_words(text: str) -> tuple[tuple[int, int], ...]:
    """The words of a text as spans [first, end) of grapheme cluster indices.

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
        if first == start:  # there is no space before the word to drop, so drop the one after it
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
