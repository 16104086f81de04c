"""Perturbations that are a list of places in a text, each with what may be put there."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeVar

from xltrobust.example import Example, Side
from xltrobust.perturb.base import Edit, Perturbation
from xltrobust.perturb.words import normalize, split_clusters

_Name = TypeVar("_Name", bound=str)
_QUICK_TRIES = 16  # random places tried before all are enumerated


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


class Site(NamedTuple):
    """Clusters ``first`` to ``last`` (exclusive), any of the ``options`` for which may take their place."""

    first: int
    last: int
    options: tuple[str, ...]


class SitePerturbation(Perturbation):
    """Replaces, at one place of a text, some whole clusters by one of the options for it.

    Every edit changes the text even after Unicode normalisation (NFKC) and without its invisible characters, and
    leaves the clusters around it as they are.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or names something unknown.
    """

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        self.sides = checked_subset("sides", sides, ("text", "text_pair"))

    @abstractmethod
    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        """The places of a text, by operation. Called for supported languages, and often: to be cached."""

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All edits, every option of every place; nothing is left to ``rng``.

        Args:
            example: the text or texts to perturb.
            rng: not used.

        Returns:
            Distinct single edits, the first text's first and in reading order, none a no-op.
        """
        edits = (
            self._edit(example, side, site, option)
            for side in self.sides
            for site in sorted(site for own in self._sites(example, side).values() for site in own)
            for option in site.options
        )
        return list(dict.fromkeys(edit for edit in edits if edit is not None))

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """A random edit: operations that have places are equally likely, and so are the places of one operation."""
        places: dict[str, list[tuple[Side, Sequence[Site]]]] = {}
        for side in self.sides:
            for operation, own in self._sites(example, side).items():
                if own:
                    places.setdefault(operation, []).append((side, own))
        if not places:
            return None
        operations = list(places)
        for _ in range(_QUICK_TRIES):
            texts = places[rng.choice(operations)]
            at = rng.randrange(sum(len(own) for _, own in texts))
            side, own = texts[0]
            if at >= len(own):
                at -= len(own)
                side, own = texts[1]
            for option in rng.sample(own[at].options, len(own[at].options)):
                if (edit := self._edit(example, side, own[at], option)) is not None:
                    return edit
        return super().sample(example, rng)

    def _sites(self, example: Example, side: Side) -> Mapping[str, Sequence[Site]]:
        text, language = getattr(example, side), example.side_language(side)
        return self.sites(text, language) if text and self.supports(language) else {}

    def _edit(self, example: Example, side: Side, site: Site, option: str) -> Edit | None:
        clusters, bounds = cluster_bounds(getattr(example, side))
        left = clusters[site.first - 1] if site.first else ""
        right = clusters[site.last] if site.last < len(clusters) else ""
        if not is_sound(left, "".join(clusters[site.first : site.last]), option, right):
            return None
        return Edit(bounds[site.first], bounds[site.last], option, side)


def is_sound(left: str, old: str, new: str, right: str) -> bool:
    """Whether putting ``new`` for ``old`` outlasts normalisation and leaves the clusters on both sides whole.

    >>> is_sound("a", "b", "c", "d"), is_sound("a", "b", "ｂ", "d"), is_sound("a", "b", "", "\\u0301")
    (True, False, False)
    """
    after = split_clusters(left + new + right)
    intact = [left] * bool(left) + split_clusters(new) + [right] * bool(right)
    return after == intact and normalize(left + old + right) != normalize(left + new + right)


def checked_subset(name: str, given: Sequence[_Name], known: Sequence[str]) -> tuple[_Name, ...]:
    """The distinct values of an argument.

    Raises:
        ValueError: if there are none, or one is not known.
    """
    if isinstance(given, str) or not given or not set(given) <= set(known):
        raise ValueError(f"Expected argument `{name}` to be a non-empty subset of {known}, but got {given!r}.")
    return tuple(dict.fromkeys(given))
