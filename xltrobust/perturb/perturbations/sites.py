"""Perturbations that are a list of places in a text, each with what may be put there."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from xltrobust.checks import checked_subset
from xltrobust.example import Example, Side
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.edits import Edit
from xltrobust.text.clusters import cluster_bounds, is_sound

_QUICK_TRIES = 16  # random places tried before all are enumerated


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
