"""A letter that is typed and deleted again by a control character which stays in the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from xltrobust.perturb.perturbations.invisible import InvisiblePerturbation, letter_pairs
from xltrobust.perturb.perturbations.sites import Site
from xltrobust.text.clusters import cluster_bounds

_BACKSPACE = "\u0008"
_OPTIONS = 2  # letters that are tried at a place, other ones at the next


class DeletionPerturbation(InvisiblePerturbation):
    """Inserts a letter and a backspace (U+0008) between two letters of a word.

    What carries out the backspace, such as a terminal, displays the text as it was. Most other programs ignore it and
    show the inserted letter, so that this is less invisible than the other two kinds. The letters inserted are
    those of the text that are one column wide, or Latin ones in scripts that have none.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.

    References:
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
    """

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"insert": _sites(text)}


@lru_cache(maxsize=1024)
def _sites(text: str) -> Sequence[Site]:
    letters = sorted({cluster.lower() for cluster in cluster_bounds(text).clusters if _is_narrow_letter(cluster)})
    letters = letters or list("aeiou")
    count = min(_OPTIONS, len(letters))
    return [
        Site(at, at, tuple(letters[(at * _OPTIONS + turn) % len(letters)] + _BACKSPACE for turn in range(count)))
        for at, _, _ in letter_pairs(text)
    ]


def _is_narrow_letter(cluster: str) -> bool:
    lower = cluster.lower()
    return (
        len(lower) == 1
        and unicodedata.category(lower)[0] == "L"
        and unicodedata.east_asian_width(lower) not in ("W", "F")
    )
