"""Finds a language among the codes of a data source, which may spell it differently."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from langcodes import Language

from xltrobust.errors import DataError
from xltrobust.text.languages import base_language


def candidates(wanted: str, available: Iterable[str]) -> list[str]:
    """The available codes that mean a language: the same spelling, else the same tag, else the same base language.

    >>> candidates("zh-CN", ["zho-CN", "zho-TW"]), candidates("zh", ["zho-CN", "eng", "zho-TW"])
    (['zho-CN'], ['zho-CN', 'zho-TW'])
    """
    codes, (tag, base) = list(available), _tags(wanted)
    by_tag = [code for code in codes if tag and _tags(code)[0] == tag]
    by_base = [code for code in codes if base and _tags(code)[1] == base]
    return [wanted] if wanted in codes else by_tag or by_base


@lru_cache(maxsize=4096)
def _tags(code: str) -> tuple[str, str]:
    try:
        return Language.get(code.replace("_", "-")).to_tag(), base_language(code)
    except ValueError:  # a file's codes need not be valid
        return "", ""


def spelled_as(wanted: str, available: Iterable[str], where: str, argument: str = "languages") -> str:
    """The one available code that means a language.

    Raises:
        DataError: if no code does, or several do; the message names the codes.
    """
    codes = list(available)
    found = candidates(wanted, codes)
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{where}: {wanted!r} in argument `{argument}` could be {' or '.join(found)}; name one of them."
        )
    raise DataError(
        f"Expected argument `{argument}` to name a language of {where} ({', '.join(sorted(codes))}), "
        f"but got {wanted!r}."
    )
