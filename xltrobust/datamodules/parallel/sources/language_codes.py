"""Which of the codes that a source of data has is the language that somebody names in another spelling."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from langcodes import Language

from xltrobust.errors import DataError
from xltrobust.text.languages import base_language


def candidates(wanted: str, available: Iterable[str]) -> list[str]:
    """Which codes mean a language: the same spelling, else the same tag, else the same base language.

    >>> candidates("zh-CN", ["zho-CN", "zho-TW"]), candidates("zh", ["zho-CN", "eng", "zho-TW"])
    (['zho-CN'], ['zho-CN', 'zho-TW'])
    """
    codes, own = list(available), _tags(wanted)
    by_tag = [code for code in codes if own[0] and _tags(code)[0] == own[0]]
    by_base = [code for code in codes if own[1] and _tags(code)[1] == own[1]]
    return [wanted] if wanted in codes else by_tag or by_base


@lru_cache(maxsize=4096)
def _tags(code: str) -> tuple[str, str]:
    try:
        return Language.get(code.replace("_", "-")).to_tag(), base_language(code)
    except ValueError:  # a file may spell a language as it likes
        return "", ""


def spelled_as(wanted: str, available: Iterable[str], where: str, argument: str = "languages") -> str:
    """The one code among those ``available`` that means a language.

    Raises:
        DataError: if none does or several do; the message names them.
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
        f"Expected argument `{argument}` to name what {where} has ({', '.join(sorted(codes))}), but got {wanted!r}."
    )
