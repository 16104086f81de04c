"""Aligned corpora in the cache: links in Pharaoh format, and the lexicon induced from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import regex

from xltrobust.cache import cached_folder
from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.datamodules.parallel.words.induced_lexicon import MIN_COUNT, MIN_PROBABILITY, InducedLexicon
from xltrobust.errors import DataError
from xltrobust.files import cache_root

_LINK = regex.compile(r"([0-9]+)-([0-9]+)")


def word_alignments(
    sources: Sequence[str], targets: Sequence[str], languages: tuple[str, str], aligner: WordAligner, corpus: str
) -> tuple[list[Links], InducedLexicon]:
    """The links of the pairs of two languages and the induced lexicon; read from the cache if aligned before.

    Args:
        sources: N texts.
        targets: their translations.
        languages: of the texts and of their translations.
        aligner: aligns the words; its settings are part of the cache key.
        corpus: a name that identifies the texts' content: different texts need a different name.

    Returns:
        N lists of links, and the lexicon.

    Raises:
        ValueError: if another number of texts was aligned under this name.
    """
    name = "-".join(languages)

    def make(folder: Path) -> None:
        links = aligner.align(sources, targets)
        InducedLexicon.from_links(sources, targets, links).write(folder / f"{name}.lexicon.tsv")
        lines = "".join(to_pharaoh(of_pair) + "\n" for of_pair in links)
        (folder / f"{name}.pharaoh").write_text(lines, encoding="ascii")

    folder = cached_folder(cache_root() / "alignments" / _key(aligner, corpus) / name, make)
    links = read_pharaoh(folder / f"{name}.pharaoh")
    if len(links) != len(sources):
        raise ValueError(f"Expected corpus {corpus!r} to name {len(links)} texts, but got {len(sources)}.")
    # Read from the file even when just made, as a later call does: its probabilities are rounded.
    return links, InducedLexicon.read(folder / f"{name}.lexicon.tsv")


def to_pharaoh(links: Links) -> str:
    """Links as a line in Pharaoh format: the indices of linked words.

    >>> to_pharaoh([(0, 0), (1, 2)])
    '0-0 1-2'
    """
    return " ".join(f"{source}-{target}" for source, target in links)


def from_pharaoh(line: str, where: str) -> Links:
    """The links in a line in Pharaoh format.

    Args:
        line: pairs of word indices, "0-0 1-2"; an empty line has no links.
        where: file and row, for the error message.

    Raises:
        DataError: if the line is malformed.

    >>> from_pharaoh("0-0 1-2", "a.pharaoh:1")
    [(0, 0), (1, 2)]
    """
    links = []
    for field in line.split():
        match = _LINK.fullmatch(field)
        if not match:
            raise DataError(f"{where}: expected links such as '0-0 1-2', but got {field[:40]!r}; fix or delete it.")
        links.append((int(match[1]), int(match[2])))
    return links


def read_pharaoh(path: Path) -> list[Links]:
    """The links in a file, one sentence pair per line.

    Raises:
        DataError: if a row is malformed.
    """
    lines = path.read_text(encoding="utf8", errors="replace").split("\n")
    return [from_pharaoh(line, f"{path}:{row}") for row, line in enumerate(lines[:-1], 1)]


def _key(aligner: WordAligner, corpus: str) -> str:
    # ICU's version is part of the key because its dictionaries decide what a word is in scripts without spaces.
    settings = {"corpus": corpus, "icu4py": version("icu4py"), **aligner.settings()}
    settings |= {"min_count": MIN_COUNT, "min_probability": MIN_PROBABILITY}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf8")).hexdigest()[:32]
