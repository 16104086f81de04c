"""The base of perturbations that list the places in a text that can change, each with its possible replacements."""

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

_QUICK_TRIES = 16  # random places to try before falling back to enumerating all of them


class Site(NamedTuple):
    """Clusters ``first`` to ``last`` (exclusive) of a text, and the ``options`` that may replace them."""

    first: int
    last: int
    options: tuple[str, ...]


class SitePerturbation(Perturbation):
    """Replaces a run of whole grapheme clusters at one place of a text by one of that place's options.

    Every edit still changes the text after Unicode normalisation (NFKC) and removal of invisible characters, and
    leaves the clusters around it intact.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.
    """

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        self.sides = checked_subset("sides", sides, ("text", "text_pair"))

    @abstractmethod
    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        """The places in a text, by operation. Called often, so cache it; only called for supported languages."""

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All edits: every option at every place.

        Args:
            example: the text or texts to perturb.
            rng: not used.

        Returns:
            Distinct single edits, none a no-op, in the order of ``sides`` and, within a text, in reading order.
        """
        edits = (
            self._edit(example, side, site, option)
            for side in self.sides
            for site in sorted(site for sites in self._sites(example, side).values() for site in sites)
            for option in site.options
        )
        return list(dict.fromkeys(edit for edit in edits if edit is not None))

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """A random edit: a uniformly drawn operation, at a place drawn uniformly from those where it is possible."""
        places: dict[str, list[tuple[Side, Sequence[Site]]]] = {}
        for side in self.sides:
            for operation, sites in self._sites(example, side).items():
                if sites:
                    places.setdefault(operation, []).append((side, sites))
        if not places:
            return None
        operations = list(places)
        for _ in range(_QUICK_TRIES):
            texts = places[rng.choice(operations)]
            at = rng.randrange(sum(len(sites) for _, sites in texts))
            side, sites = texts[0]
            if at >= len(sites):
                at -= len(sites)
                side, sites = texts[1]
            for option in rng.sample(sites[at].options, len(sites[at].options)):
                if (edit := self._edit(example, side, sites[at], option)) is not None:
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
