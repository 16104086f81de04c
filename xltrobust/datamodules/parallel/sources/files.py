"""Parallel text in plain files: line-aligned files and tables."""

from __future__ import annotations

import gzip
import zlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, cast

from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.datamodules.rows import read_rows, require_columns
from xltrobust.errors import DataError
from xltrobust.text.languages import base_language, check_codes


class FileBitext(Bitext):
    """The base of sources that are local files. Public attributes are the settings, which must be JSON."""

    name: str | None = None
    licence: str = "unknown"

    @abstractmethod
    def paths(self) -> list[Path]:
        """The files to read."""

    @abstractmethod
    def codes(self) -> list[str]:
        """The languages, the pivot (or source) first."""

    def provenance(self) -> dict[str, Any]:
        sizes = {path: size for path, size, _ in file_stamps(self.paths())}
        source = self.name or ", ".join(sizes)
        about = {"source": source, "version": "unknown", "licence": self.licence}
        return about | {"languages": self.codes(), "files": sizes}

    def stamp(self) -> Any:
        settings = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return [type(self).__name__, settings, file_stamps(self.paths())]


class LineAlignedFiles(FileBitext):
    """Two files in which each line of one translates the same line of the other (Moses, OPUS); also ``.gz``.

    Args:
        source_file: one text per line; only line feeds end a line, other Unicode separators do not.
        target_file: their translations.
        source_language: code of the source file's language.
        target_language: code of the target file's language.
        licence: the texts' licence.
        name: the corpus's name in the provenance; None uses the files' paths.

    Raises:
        ValueError: if a language code is malformed, or both are the same.
    """

    def __init__(
        self,
        *,
        source_file: str,
        target_file: str,
        source_language: str,
        target_language: str,
        licence: str = "unknown",
        name: str | None = None,
    ) -> None:
        self.source_file, self.target_file = source_file, target_file
        self.source_language, self.target_language = two_languages(source_language, target_language)
        self.licence, self.name = licence, name

    def paths(self) -> list[Path]:
        return [Path(self.source_file), Path(self.target_file)]

    def codes(self) -> list[str]:
        return [self.source_language, self.target_language]

    def __iter__(self) -> Iterator[SentencePair]:
        for source, target in aligned_lines(*self.paths()):
            yield SentencePair(source, target, self.source_language, self.target_language)


class PairTable(FileBitext):
    """A TSV, CSV or JSON Lines file with a column of texts and a column of translations.

    Args:
        path: the file; TSV and CSV begin with a header line.
        source_language: code of the texts' language; None if ``source_language_column`` gives it.
        target_language: code of the translations' language; None if ``target_language_column`` gives it.
        source_column: column of the texts.
        target_column: column of the translations.
        source_language_column: column of the texts' language codes, if the file has several languages.
        target_language_column: column of the translations' language codes, if the file has several languages.
        licence: the texts' licence.
        name: the corpus's name in the provenance; None uses the file's path.

    Raises:
        ValueError: if a language is given neither by a code nor by a column, or by both, or if a code is malformed or
            both are the same.
    """

    def __init__(
        self,
        *,
        path: str,
        source_language: str | None = None,
        target_language: str | None = None,
        source_column: str = "source",
        target_column: str = "target",
        source_language_column: str | None = None,
        target_language_column: str | None = None,
        licence: str = "unknown",
        name: str | None = None,
    ) -> None:
        sides = {"source": (source_language, source_language_column)}
        for side, (code, column) in (sides | {"target": (target_language, target_language_column)}).items():
            if (code is None) == (column is None):
                raise ValueError(
                    f"Expected either argument `{side}_language` or `{side}_language_column` to be given, "
                    f"but got {code!r} and {column!r}."
                )
        if source_language is not None and target_language is not None:
            two_languages(source_language, target_language)
        self.path, self.source_column, self.target_column = path, source_column, target_column
        self.source_language, self.source_language_column = source_language, source_language_column
        self.target_language, self.target_language_column = target_language, target_language_column
        self.licence, self.name = licence, name

    def paths(self) -> list[Path]:
        return [Path(self.path)]

    def codes(self) -> list[str]:
        return [
            self.source_language or f"column {self.source_language_column}",
            self.target_language or f"column {self.target_language_column}",
        ]

    def __iter__(self) -> Iterator[SentencePair]:
        code_columns = [self.source_language_column, self.target_language_column]
        columns = [self.source_column, self.target_column, *(column for column in code_columns if column)]
        for number, row in read_rows(Path(self.path)):
            require_columns(row, columns, f"{self.path}:{number}")
            for column in columns[2:]:
                if not row[column].strip():
                    raise DataError(f"{self.path}:{number}: column {column!r} is empty; name the text's language.")
                try:
                    base_language(row[column])
                except ValueError as error:
                    raise DataError(f"{self.path}:{number}: column {column!r}: {error}") from None
            source = self.source_language or row[str(self.source_language_column)]
            target = self.target_language or row[str(self.target_language_column)]
            yield SentencePair(row[self.source_column], row[self.target_column], source, target)


def two_languages(source: str, target: str) -> tuple[str, str]:
    """Both codes.

    Raises:
        ValueError: if one is malformed, or they are the same.
    """
    check_codes("source_language", [source])
    check_codes("target_language", [target])
    if source == target:
        raise ValueError(f"Expected argument `target_language` to differ from `source_language`, but got {target!r}.")
    return source, target


def aligned_lines(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    """The lines of two files side by side.

    Raises:
        DataError: if a file is missing or a line is not UTF-8, or, at the end, if one file has more lines.
    """
    sources, targets = read_lines(source), read_lines(target)
    for number, (text, translation) in enumerate(zip_longest(sources, targets)):
        if text is None or translation is None:
            rest = number + 1 + sum(1 for _ in (targets if text is None else sources))
            first, second = (number, rest) if text is None else (rest, number)
            raise DataError(
                f"{source} has {first} lines, but {target} has {second}; line-aligned files need the same number."
            )
        yield text, translation


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a file (gzipped if its name ends in ``.gz``), without line ends and byte order mark."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):  # as bytes, so that other Unicode separators do not end lines
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf8")
            except UnicodeDecodeError:
                raise DataError(f"{path}:{number}: not UTF-8; convert the file to UTF-8.") from None
            yield text.removesuffix("\n").removesuffix("\r")


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """A file opened for reading, decompressed if its name ends in ``.gz``.

    Raises:
        DataError: if it is missing, or damaged.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)
    except (FileNotFoundError, IsADirectoryError):
        raise DataError(f"{path}: no such file; check the path in the configuration.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged, or not a gzip file ({error}); download it again.") from None


def file_stamps(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """The path, size in bytes and modification time in ns of each file.

    Raises:
        DataError: if one is missing.
    """
    stamps = []
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such file; check the path in the configuration.")
        stat = path.stat()
        stamps.append((str(path), stat.st_size, stat.st_mtime_ns))
    return stamps
