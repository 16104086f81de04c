"""Characters without width between two letters of a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

from xltrobust.checks import checked_subset
from xltrobust.example import Side
from xltrobust.perturb.perturbations.invisible import InvisiblePerturbation, letter_pairs
from xltrobust.perturb.perturbations.sites import Site
from xltrobust.text.words import script

Character = Literal["space", "word_joiner", "non_joiner", "joiner"]
_CHARACTERS: dict[Character, str] = {
    "space": "\u200b",
    "word_joiner": "\u2060",
    "non_joiner": "\u200c",
    "joiner": "\u200d",
}
# Scripts whose letters neither join nor form conjuncts: only there are the joiner and the non-joiner invisible.
_SEPARATE = frozenset(
    "LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ETHIOPIC HANGUL HIRAGANA KATAKANA CJK THAI LAO".split()
)


class ZeroWidthPerturbation(InvisiblePerturbation):
    """Inserts a character without width between two letters of a word.

    The zero-width space (U+200B) and the word joiner (U+2060) have no effect on the letters beside them in any script:
    in Arabic, letters go on joining across them. The zero-width non-joiner (U+200C) and joiner (U+200D) change the
    shape of letters in Arabic and in the scripts of India, and are inserted in other scripts only. The zero-width space
    allows a line to break, which shows where a word stands at the end of a line.

    Args:
        characters: which to insert.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``characters`` or ``sides`` is empty or contains an unknown name.

    References:
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
    """

    def __init__(
        self,
        *,
        characters: Sequence[Character] = ("space", "word_joiner", "non_joiner", "joiner"),
        sides: Sequence[Side] = ("text", "text_pair"),
    ) -> None:
        super().__init__(sides=sides)
        self.characters = checked_subset("characters", characters, get_args(Character))

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return {"insert": _sites(text, tuple(self.characters))}


@lru_cache(maxsize=1024)
def _sites(text: str, names: tuple[Character, ...]) -> Sequence[Site]:
    found = []
    for at, left, right in letter_pairs(text):
        separate = script(left[0]) in _SEPARATE and script(right[0]) in _SEPARATE
        options = tuple(_CHARACTERS[name] for name in names if separate or name in ("space", "word_joiner"))
        if options:
            found.append(Site(at, at, options))
    return found
