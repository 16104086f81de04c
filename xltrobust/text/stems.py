"""Stems of words: what is left of them without their endings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import snowballstemmer

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "nb": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_SHORTEST = 3  # letters: shorter stems join words that have nothing in common


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """A word's stem as Snowball cuts it; empty if it is too short or the language has no stemmer.

    Args:
        word: in lower case.
        language: base code.

    >>> stem("lichter", "de"), stem("häuser", "de"), stem("be", "en"), stem("猫", "zh")
    ('licht', 'haus', '', '')
    """
    algorithm = _STEMMERS.get(language)
    found: str = _stemmer(algorithm).stemWord(word) if algorithm else ""
    return found if len(found) >= _SHORTEST else ""


@lru_cache(maxsize=64)
def _stemmer(algorithm: str) -> Any:
    return snowballstemmer.stemmer(algorithm)
