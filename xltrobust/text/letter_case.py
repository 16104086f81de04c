"""Upper and lower case, including the dotted and dotless i of Turkic languages."""

from __future__ import annotations

import unicodedata

_TO_TURKIC_UPPER, _TO_TURKIC_LOWER = str.maketrans("iı", "İI"), str.maketrans("İI", "iı")


def change_case(text: str, *, upper: bool, turkic: bool = False) -> str:
    """Converts a text to upper or lower case; decomposed text (NFD) stays decomposed.

    Args:
        text: in NFC or NFD.
        upper: whether to convert to upper case; else to lower case.
        turkic: whether i and ı are different letters, with the capitals İ and I.

    >>> change_case("straße", upper=True), change_case("ΟΔΟΣ", upper=False), change_case("ışık", upper=True)
    ('STRASSE', 'οδος', 'IŞIK')
    >>> change_case("iki", upper=True, turkic=True), change_case("ISI", upper=False, turkic=True)
    ('İKİ', 'ısı')
    """
    changed = composed = unicodedata.normalize("NFC", text)
    if turkic:
        changed = changed.translate(_TO_TURKIC_UPPER if upper else _TO_TURKIC_LOWER)
    changed = changed.upper() if upper else changed.lower()
    return changed if composed == text else unicodedata.normalize("NFD", changed)
