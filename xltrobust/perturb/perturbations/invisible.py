"""The base of perturbations that a reader does not see: the characters change, and the text on the screen does not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from xltrobust.example import Example, Side
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.perturbations.sites import Site, SitePerturbation
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.words import split_clusters


class InvisiblePerturbation(SitePerturbation):
    """Changes the characters of a text, but not how it is displayed.

    Its edits need not survive Unicode normalisation or the removal of invisible characters: whether they do is what
    such an attack measures.
    """

    invisible = True

    def _edit(self, example: Example, side: Side, site: Site, option: str) -> Edit | None:
        clusters, bounds = cluster_bounds(getattr(example, side))
        before, after = clusters[: site.first][-1:], clusters[site.last :][:1]
        parts = [*before, *split_clusters(option), *after]
        if split_clusters("".join(parts)) != parts and not _joiner_only(option):
            return None  # the neighbouring letters would not stay whole
        return Edit(bounds[site.first], bounds[site.last], option, side)


def _joiner_only(option: str) -> bool:
    """Whether it is a joiner or non-joiner, which to Unicode belong to the cluster before them."""
    return option in ("\u200c", "\u200d")


def letter_pairs(text: str) -> Iterator[tuple[int, str, str]]:
    """Neighbouring letters of a text: the index of the second cluster, and both clusters.

    Not after an f, with which fonts join the next letter (ﬁ, ﬂ): what comes between would be seen.
    """
    clusters = cluster_bounds(text).clusters
    for at in range(1, len(clusters)):
        left, right = clusters[at - 1], clusters[at]
        if _is_letter(left) and _is_letter(right) and left[-1] != "f":
            yield at, left, right


def _is_letter(cluster: str) -> bool:
    return unicodedata.category(cluster[0])[0] == "L" and unicodedata.category(cluster[-1])[0] in "LM"
