"""Home Assistant's user interface in sixty languages: parallel text that needs only a ``pip install``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from xltrobust.datamodules.home_assistant_files import frontend_code, interface_languages, interface_strings
from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.datamodules.parallel.sources.language_codes import spelled_as
from xltrobust.text.languages import base_language

_PACKAGE = "home-assistant-frontend"
# Placeholders and ICU plurals ({count, plural, one {day}}), tags, and references left unresolved by a translator.
_NOT_TEXT = re.compile(r"[{}<>]|\[%key:")


class HomeAssistantTranslations(Bitext):
    """User interface strings with the same key, from the package ``home-assistant-frontend`` (Apache-2.0).

    A pair is left out if either string is not plain text: if it has a placeholder or an ICU plural (braces), markup or
    a placeholder in angle brackets, or a reference to another string (``[%key:ui::card::lock::code%]``). ICU's doubled
    apostrophes become single ones, as on the screen. The package fills in English where a translation is missing;
    these strings, and repeated ones, are not left out.

    Args:
        languages: codes as tasks spell them (``zh-CN``), which the pairs keep; None uses all languages of the package
            except the pivot and its variants (``en-GB``).
        pivot: the language of all sources.

    Raises:
        DataError: if the package lacks a language.
        ValueError: if ``languages`` is empty or has the pivot.
        MissingPackage: if the package is not installed.

    >>> pair = next(iter(HomeAssistantTranslations(languages=["de"])))
    >>> pair.source_language, pair.target_language
    ('en', 'de')
    """

    def __init__(self, *, languages: list[str] | None = None, pivot: str = "en") -> None:
        self.pivot = pivot
        pivot_code = _code(pivot, "pivot")
        if languages is None:
            languages = [code for code in interface_languages() if base_language(code) != base_language(pivot_code)]
        self._codes = {language: _code(language, "languages") for language in languages}
        if not languages or pivot_code in self._codes.values():
            raise ValueError(
                f"Expected argument `languages` to name languages other than {pivot!r}, but got {languages}."
            )

    @property
    def languages(self) -> list[str]:
        """The languages of the pairs' targets, in order."""
        return list(self._codes)

    def __iter__(self) -> Iterator[SentencePair]:
        sources = _plain(interface_strings(_code(self.pivot, "pivot")))
        for language, code in self._codes.items():
            targets = _plain(interface_strings(code))
            for key in sorted(sources.keys() & targets.keys()):
                yield SentencePair(sources[key], targets[key], self.pivot, language)

    def provenance(self) -> dict[str, Any]:
        about = {"source": _PACKAGE, "version": version(_PACKAGE), "licence": "Apache-2.0"}
        return about | {"languages": [self.pivot, *self.languages]}

    def stamp(self) -> Any:
        return [type(self).__name__, {"languages": self.languages, "pivot": self.pivot}, version(_PACKAGE)]


def _code(language: str, argument: str) -> str:
    """How the package spells a language."""
    return spelled_as(frontend_code(language), interface_languages(), _PACKAGE, argument)


def _plain(strings: dict[str, str]) -> dict[str, str]:
    """The strings that are plain text.

    >>> _plain({"a": "Say ''Hi''", "b": "{count} days", "c": "[%key:ui::ok%]", "d": "[ID]"})
    {'a': "Say 'Hi'", 'd': '[ID]'}
    """
    return {key: text.replace("''", "'") for key, text in strings.items() if not _NOT_TEXT.search(text)}
