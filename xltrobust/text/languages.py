"""Language codes: ``zh-CN``, ``zho_Hans`` and ``zh`` name the same language.

Data, logs and results keep the codes of the benchmark that they come from. Every lookup by language (of a keyboard, a
dictionary, a segmenter) goes through :func:`base_language`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import langcodes
from langcodes import Language, LanguageTagError

from xltrobust.seeding import derived_seed


@lru_cache(maxsize=1024)
def base_language(code: str) -> str:
    """The primary subtag of a language code: the language's ISO 639-1 code if it has one, else its ISO 639-3 code.

    Args:
        code: BCP-47 (``pt-BR``) or a benchmark's own spelling (FLORES' ``zho_Hans``, Tatoeba's ``cmn``).

    Raises:
        ValueError: if the code is not a well-formed language tag.

    >>> [base_language(code) for code in ("zh-CN", "zho_Hans", "cmn", "zh", "arb_Arab", "swh", "de-CH", "yor_Latn")]
    ['zh', 'zh', 'zh', 'zh', 'ar', 'sw', 'de', 'yo']
    """
    try:
        language = Language.get(code.replace("_", "-")).prefer_macrolanguage().language or "und"
    except LanguageTagError:
        language = ""
    # "german" is a well-formed tag but no ISO 639 code, and "17" is taken for one
    if not 2 <= len(language) <= 3 or not language.isalpha():
        raise ValueError(f"Expected a language code such as 'de', 'zh-CN' or 'swh_Latn', but got {code!r}.")
    return language


def check_codes(argument: str, codes: Iterable[str], advice: str = "") -> None:
    """Checks that all codes are language codes, before anything is looked up by them.

    Args:
        argument: the name of the argument that holds the codes.
        codes: the codes.
        advice: a sentence on what else to do; ``{code}`` and ``{name}`` in it stand for the right code and for what was
            given instead.

    Raises:
        ValueError: if one is not; names the argument, what was given and, where that is a language's name, its code.
    """
    for given in codes:
        if not is_code(given):
            code = code_of_name(given)
            hint = f": the code of that language is {code!r}" if code else ""
            more = f" {advice.format(code=code or 'CODE', name=given)}" if advice else ""
            raise ValueError(
                f"Expected argument `{argument}` to name languages by codes such as 'de', 'zh-CN' or 'swh_Latn', "
                f"but got {given!r}{hint}.{more}"
            )


def names_column(name: str, rows: Sequence[Mapping[str, str]]) -> bool:
    """Whether a name that a user gives for the language of rows stands for a column, not for a code.

    Many columns are named like a language: ``id`` (Indonesian), or ``de`` in a table of translations. A language code
    therefore stands for itself, unless all values in the column of that name are codes too.

    Args:
        name: a language code or the name of a column.
        rows: the first rows of the table.
    """
    if not rows or name not in rows[0]:
        return False
    return not is_code(name) or all(is_code(row.get(name, "")) for row in rows)


def is_code(text: str) -> bool:
    """Whether a text is a language code that :func:`base_language` takes."""
    try:
        base_language(text)
    except ValueError:
        return False
    return True


def code_of_name(name: str) -> str | None:
    """The code of a language by its name, in English or in the language itself; None if no language is found.

    Also None if the package ``language_data``, which holds the names, is not installed.
    """
    try:
        return langcodes.find(name.replace("_", " ")).to_tag()
    except (LookupError, ModuleNotFoundError):
        return None


@lru_cache(maxsize=1024)
def language_id(*codes: str) -> int:
    """An integer that stands for a language in every process alike; 0 if the codes are of different languages.

    >>> language_id("zh-CN") == language_id("zho_Hans", "cmn") != language_id("de"), language_id("en", "de")
    (True, 0)
    """
    languages = set(map(base_language, codes))
    return derived_seed("language", *languages) if len(languages) == 1 else 0
