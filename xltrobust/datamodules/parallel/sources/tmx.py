"""Parallel text in translation memories (TMX 1.4), read unit by unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.files import FileBitext, open_bytes, two_languages
from xltrobust.datamodules.parallel.sources.language_codes import candidates
from xltrobust.errors import DataError

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MARKUP = {"bpt", "ept", "ph", "it", "ut"}  # elements that contain codes of the original format, not text


class TMXFile(FileBitext):
    """A ``.tmx`` or ``.tmx.gz`` file, read one unit at a time.

    Units that lack one of the languages are skipped. If a unit has several variants of a language, the one with the
    requested code (``en-GB``) is used, else the first of the same base language. Inline markup is dropped; the text in
    ``hi`` and ``sub`` is kept. Entities that the file declares are not expanded: a text with one is a DataError.

    Args:
        path: the file.
        source_language: code of the sources' language, in any spelling, which the pairs keep.
        target_language: code of the targets' language, in any spelling, which the pairs keep.
        licence: the texts' licence.
        name: the corpus's name in the provenance; None uses the file's path.

    Raises:
        ValueError: if a language code is malformed, or both are the same.
    """

    def __init__(
        self,
        *,
        path: str,
        source_language: str,
        target_language: str,
        licence: str = "unknown",
        name: str | None = None,
    ) -> None:
        self.path = path
        self.source_language, self.target_language = two_languages(source_language, target_language)
        self.licence, self.name = licence, name

    def paths(self) -> list[Path]:
        return [Path(self.path)]

    def codes(self) -> list[str]:
        return [self.source_language, self.target_language]

    def __iter__(self) -> Iterator[SentencePair]:
        seen: dict[str, None] = {}
        pairs = 0
        for unit in self._units():
            variants = _variants(unit)
            seen.update(dict.fromkeys(variants))
            # "en-US" may be the best match for both "en-GB" and "en-US", which does not make a pair.
            chosen = {code: found[0] for code in self.codes() if (found := candidates(code, variants))}
            if len(set(chosen.values())) == 2:
                source, target = (self._text(variants[chosen[code]]) for code in self.codes())
                pairs += 1
                yield SentencePair(source, target, self.source_language, self.target_language)
        if not pairs:
            raise DataError(
                f"{self.path}: no unit has both {self.source_language!r} and {self.target_language!r}; "
                f"the file's languages: {', '.join(seen) or 'none (is it TMX?)'}."
            )

    def _units(self) -> Iterator[Any]:
        with open_bytes(Path(self.path)) as file:
            # The options keep the parser from loading any entity, DTD or other file that the data refer to.
            units = etree.iterparse(
                file, events=("end",), tag="{*}tu", resolve_entities=False, load_dtd=False, no_network=True,
                huge_tree=False, remove_comments=True, remove_pis=True,
            )  # fmt: skip
            try:
                for _, unit in units:
                    yield unit
                    unit.clear()
                    while unit.getprevious() is not None:  # emptied elements would still add up in memory
                        del unit.getparent()[0]
            except etree.XMLSyntaxError as error:
                raise DataError(f"{self.path}:{error.lineno or 1}: not valid XML ({error.msg}).") from None

    def _text(self, segment: Any) -> str:
        """The text of an element, without markup."""
        parts = [] if etree.QName(segment).localname in _MARKUP else [segment.text or ""]
        for child in segment:
            if child.tag is etree.Entity:
                raise DataError(f"{self.path}:{child.sourceline}: entity {child.text} is not expanded; write it out.")
            parts.append(self._text(child))
            if etree.QName(segment).localname not in _MARKUP:
                parts.append(child.tail or "")
        return "".join(parts)


def _variants(unit: Any) -> dict[str, Any]:
    """The first segment of each language code in a unit."""
    segments: dict[str, Any] = {}
    for variant in unit.iterfind("{*}tuv"):
        language = variant.get(_XML_LANG) or variant.get("lang")
        segment = variant.find("{*}seg")
        if language and segment is not None:
            segments.setdefault(language, segment)
    return segments
