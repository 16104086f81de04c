"""Word stems by Snowball."""

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
_SHORTEST = 3  # letters; shorter stems conflate unrelated words


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """The Snowball stem of a word; empty if it has fewer than three letters, or the language has no stemmer.

    Args:
        word: in lower case.
        language: as :func:`~xltrobust.text.languages.base_language` returns it.

    >>> stem("lichter", "de"), stem("häuser", "de"), stem("be", "en"), stem("猫", "zh")
    ('licht', 'haus', '', '')
    """
    algorithm = _STEMMERS.get(language)
    stemmed: str = _stemmer(algorithm).stemWord(word) if algorithm else ""
    return stemmed if len(stemmed) >= _SHORTEST else ""


@lru_cache(maxsize=64)
def _stemmer(algorithm: str) -> Any:
    return snowballstemmer.stemmer(algorithm)
