"""Which script a language is written in."""

from __future__ import annotations

from functools import lru_cache

from langcodes import Language

from xltrobust.text.languages import base_language

# ISO 15924 codes of the scripts that put no spaces between words.
UNSPACED = frozenset("Hani Hans Hant Jpan Hira Kana Bopo Thai Laoo Khmr Mymr Tibt Lana Talu Bali Java".split())


@lru_cache(maxsize=1024)
def script_of(language: str) -> str:
    """The ISO 15924 code of a language's script: the one that the code names, else the language's usual one.

    Args:
        language: a language code that :func:`~xltrobust.text.languages.base_language` takes.

    Returns:
        The code, or ``""`` if nothing is known about the language.

    Raises:
        ValueError: if the code is not a well-formed language tag.

    >>> [script_of(code) for code in ("zh-CN", "rus_Cyrl", "sr-Latn", "ja", "hi", "und")]
    ['Hans', 'Cyrl', 'Latn', 'Jpan', 'Deva', '']
    """
    base = base_language(language)  # raises for a malformed code
    tag = Language.get(language.replace("_", "-"))
    if tag.script is None and base == "und":
        return ""
    return tag.maximize().script or ""
