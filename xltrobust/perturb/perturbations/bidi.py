"""Two letters stored in the wrong order, which direction controls display in the right one."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from xltrobust.perturb.perturbations.invisible import InvisiblePerturbation, letter_pairs
from xltrobust.perturb.perturbations.sites import Site
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.scripts import script_of
from xltrobust.text.words import script

_LRM, _LRI, _LRO = "\u200e", "\u2066", "\u202d"
_RLM, _RLI, _RLO = "\u200f", "\u2067", "\u202e"
_PDI, _PDF = "\u2069", "\u202c"
# What stands before and after two letters that are in reverse order, by the letters' direction.
_AROUND = {"L": (_LRM + _LRI + _RLO, _PDF + _PDI + _LRM), "R": (_RLM + _RLI + _LRO, _PDF + _PDI + _RLM)}
# Scripts whose letters join (with Thaana, which has Arabic's direction class), and scripts in which most letters carry
# vowel signs, so that a text has hardly two letters that could be swapped.
_UNSUPPORTED = frozenset(
    "Arab Syrc Mong Nkoo Mand Phag Adlm Rohg Thaa "
    "Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Mymr Khmr Tibt".split()
)
_JOINING_LETTERS = frozenset(["MONGOLIAN", "PHAGS-PA"])  # of the direction class L


class BidiPerturbation(InvisiblePerturbation):
    """Swaps two neighbouring letters, and has Unicode's direction controls display them in their old order.

    Under a right-to-left override (U+202E) the letters ``ba`` are displayed as ``ab``. The override stands in an
    isolate (U+2066 … U+2069) between two direction marks (U+200E), so that the rest of the text is displayed as before,
    whatever it is and whatever the direction of its paragraph: by the bidirectional algorithm, the marks act on their
    surroundings as the two letters did. In Hebrew, all of it is mirrored. Only letters of a single code point are
    swapped. Left alone are scripts whose letters join (Arabic among them), as an override would change their shapes,
    and those whose letters carry vowel signs (the scripts of India).

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.

    References:
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        - Boucher & Anderson. Trojan source: invisible vulnerabilities. USENIX Security 2023.
        - Unicode bidirectional algorithm. Unicode Standard Annex #9.
    """

    lacking = "letters that stand alone"
    instead = "ZeroWidthPerturbation"

    def supports(self, language: str) -> bool:
        """Whether the language's letters stand alone: they neither join nor carry vowel signs, as those of India do."""
        return script_of(language) not in _UNSUPPORTED

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"swap": _sites(text)}


@lru_cache(maxsize=1024)
def _sites(text: str) -> Sequence[Site]:
    clusters, found = cluster_bounds(text).clusters, []
    for at, left, right in letter_pairs(text):
        around = _AROUND.get(_direction(left))
        joined = "f" in (right, *clusters[max(0, at - 2) : at - 1])  # ﬁ and the like, as in `letter_pairs`
        if around is None or joined or left == right or _direction(right) != _direction(left):
            continue
        found.append(Site(at - 1, at + 1, (around[0] + right + left + around[1],)))
    return found


def _direction(cluster: str) -> str:
    """The direction class of a letter of a single code point that neither joins nor is mirrored, else nothing."""
    if len(cluster) > 1:
        return ""
    direction = unicodedata.bidirectional(cluster)
    separate = script(cluster) not in _JOINING_LETTERS if direction == "L" else script(cluster) == "HEBREW"
    return direction if separate else ""
