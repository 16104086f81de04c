"""Aligned corpora, kept on disk: links in Pharaoh's format, and the lexicon that they make."""

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
    """The links of the pairs of two languages and the lexicon of these; what was aligned once is read from the cache.

    Args:
        sources: N texts.
        targets: their translations.
        languages: of the texts and of their translations.
        aligner: whose settings tell what is in the cache.
        corpus: names the texts by their content: other texts have another name.

    Returns:
        N lists of links, and the lexicon.

    Raises:
        ValueError: if the name is that of other texts.
    """
    name = "-".join(languages)

    def make(folder: Path) -> None:
        links = aligner.align(sources, targets)
        InducedLexicon.from_links(sources, targets, links).write(folder / f"{name}.lexicon.tsv")
        lines = "".join(to_pharaoh(own) + "\n" for own in links)
        (folder / f"{name}.pharaoh").write_text(lines, encoding="ascii")

    folder = cached_folder(cache_root() / "alignments" / _key(aligner, corpus) / name, make)
    links = read_pharaoh(folder / f"{name}.pharaoh")
    if len(links) != len(sources):
        raise ValueError(f"Expected corpus {corpus!r} to name {len(links)} texts, but got {len(sources)}.")
    # As a later call reads it: probabilities are rounded in the file.
    return links, InducedLexicon.read(folder / f"{name}.lexicon.tsv")


def to_pharaoh(links: Links) -> str:
    """A line with the places of linked words.

    >>> to_pharaoh([(0, 0), (1, 2)])
    '0-0 1-2'
    """
    return " ".join(f"{source}-{target}" for source, target in links)


def from_pharaoh(line: str, where: str) -> Links:
    """The links of a line.

    Args:
        line: pairs of places, "0-0 1-2"; an empty one has no links.
        where: file and row, for the error.

    Raises:
        DataError: if it is malformed.

    >>> from_pharaoh("0-0 1-2", "a.pharaoh:1")
    [(0, 0), (1, 2)]
    """
    links = []
    for field in line.split():
        match = _LINK.fullmatch(field)
        if not match:
            raise DataError(f"{where}: expected links such as '0-0 1-2', but got {field[:40]!r}; mend or delete it.")
        links.append((int(match[1]), int(match[2])))
    return links


def read_pharaoh(path: Path) -> list[Links]:
    """The links of a file, a pair a line.

    Raises:
        DataError: if a row is malformed.
    """
    lines = path.read_text(encoding="utf8", errors="replace").split("\n")
    return [from_pharaoh(line, f"{path}:{row}") for row, line in enumerate(lines[:-1], 1)]


def _key(aligner: WordAligner, corpus: str) -> str:
    # What counts as a word is part of it: in scripts without spaces, ICU's dictionaries say so.
    settings = {"corpus": corpus, "icu4py": version("icu4py"), **aligner.settings()}
    settings |= {"min_count": MIN_COUNT, "min_probability": MIN_PROBABILITY}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf8")).hexdigest()[:32]
