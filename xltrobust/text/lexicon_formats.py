"""File formats of bilingual lexicons: MUSE, plain TSV, tables with a header (PanLex, induced lexicons) and dictd."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import regex

from xltrobust.errors import UserError

Entry = tuple[str, list[str]]
Rows = Iterator[tuple[str, str]]  # path:line, and the text of the line
INDUCED_HEADER = ("source", "target", "count", "p_target", "p_source")
_SCORES = ("trans_quality", "quality", "score", "denotations")
_PANLEX_CODE = regex.compile(r"[a-z]{3}-\d{3}")  # PanLex's codes of language varieties
_DIGITS = {digit: value for value, digit in enumerate(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)}  # fmt: skip
_NOTES = regex.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\([^()]*\)|(?<!\S)/[^/]+/(?![^\s,;])")
_NUMBER = regex.compile(r"\d+[.)]\s")
_NO_TRANSLATION = regex.compile(r"[\"“„«»'‘]|\p{L}[\p{L} ]*:(?!\S)")  # quoted examples, and labels such as "see: ..."


class TableError(UserError, ValueError):
    """A word table cannot be read; the message is one line for the terminal."""


def malformed(where: str, wanted: str, got: object) -> TableError:
    """The error for a malformed row."""
    return TableError(f"{where}: expected {wanted}, but got {str(got)[:80]!r}; fix the file.")


def decoded(data: bytes, path: Path, encoding: str = "UTF-8") -> str:
    """Decodes a file's content, and drops a byte-order mark.

    Raises:
        TableError: if the content is not in the encoding; names the row.
    """
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise TableError(f"{path}:{row}: not {encoding}; convert the file to {encoding}.") from None


def muse(rows: Rows) -> Iterator[Entry]:
    """A word and one translation a line, separated by one space or tab."""
    for where, line in rows:
        fields = line.strip().split("\t" if "\t" in line.strip() else " ")
        if line.strip() and (len(fields) != 2 or not all(map(str.strip, fields))):
            raise malformed(where, "a word and one translation, separated by one space or tab", line)
        yield fields[0], fields[1:]


def tab_separated(rows: Rows) -> Iterator[Entry]:
    """A word and one or more replacements a line; or a table of pairs, if the first line is a known header."""
    start, first = next(rows)
    if _columns(header := first.split("\t")):
        yield from _headed(header, ((where, line.split("\t")) for where, line in rows if line.strip()))
        return
    for where, line in chain([(start, first)], rows):
        word, *others = line.split("\t")
        if line.strip() and not (word.strip() and any(map(str.strip, others))):
            raise malformed(where, "a word, a tab and a replacement", line)
        yield word, others


def comma_separated(rows: Rows) -> Iterator[Entry]:
    """A table of pairs with a header of PanLex's, with the quoting of spreadsheets."""
    wheres, lines = zip(*rows, strict=True)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if not _columns(header):
            wanted = "a header with the columns txt and trans_txt, or two languages such as eng-000 and deu-000"
            raise malformed(wheres[0], wanted, ",".join(header))
        yield from _headed(header, ((wheres[reader.line_num - 1], fields) for fields in reader if any(fields)))
    except csv.Error as error:
        raise TableError(f"{wheres[max(reader.line_num, 1) - 1]}: not CSV ({error}); fix the file.") from None


def _columns(header: Sequence[str]) -> tuple[int, int, int | None] | None:
    """The columns of the word, the translation and the score (if any); None if the line is not a header."""
    names = [name.strip() for name in header]
    if tuple(names) == INDUCED_HEADER:
        return 0, 1, names.index("p_target")
    score = next((names.index(name) for name in _SCORES if name in names), None)
    if "txt" in names and "trans_txt" in names:
        return names.index("txt"), names.index("trans_txt"), score
    languages = [at for at, name in enumerate(names) if _PANLEX_CODE.fullmatch(name)]
    return (languages[0], languages[1], score) if len(languages) == 2 else None


def _headed(header: Sequence[str], rows: Iterable[tuple[str, list[str]]]) -> Iterator[Entry]:
    """The pairs of a table, highest score first, so that the translations of each word are ordered by score."""
    columns = _columns(header)
    assert columns
    source, target, score = columns
    scored: list[tuple[float, Entry]] = []
    for where, fields in rows:
        if len(fields) != len(header) or not (fields[source].strip() and fields[target].strip()):
            raise malformed(where, f"{len(header)} fields, of which two are words", "\t".join(fields))
        try:
            value = 0.0 if score is None else float(fields[score] or 0)
        except ValueError:
            raise malformed(where, f"a number in column {header[score or 0]}", fields[score or 0]) from None
        scored.append((value, (fields[source], [fields[target]])))
    yield from (entry for _, entry in sorted(scored, key=lambda row: -row[0]))


def dictd(path: Path) -> Iterator[Entry]:
    """A dictionary in dictd's format, which FreeDict uses: a file of definitions, and an index of headwords beside it.

    Args:
        path: ``NAME.dict``, or ``NAME.dict.dz`` (gzip); ``NAME.index`` must be in the same folder.

    Raises:
        TableError: if there is no index, a row of it is malformed, or the definitions are not gzip or not UTF-8.
    """
    index = (path.with_suffix("") if path.suffix == ".dz" else path).with_suffix(".index")
    if not index.exists():
        raise TableError(f"{path}: its index {index.name} is not beside it; copy it there too.")
    data = path.read_bytes()
    if path.suffix == ".dz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{path}: not gzip ({error}); download the file again.") from None
    for row, line in enumerate(decoded(index.read_bytes(), index).split("\n"), 1):
        if not line.strip():
            continue
        where, fields = f"{index}:{row}", line.rstrip("\r").split("\t")
        if len(fields) < 3 or not fields[0].strip() or not all(_is_number(field) for field in fields[1:3]):
            raise malformed(where, "a headword, an offset and a length in base 64, separated by tabs", line)
        if fields[0].startswith(("00database", "00-database")):  # about the dictionary, not in it
            continue
        start, length = map(_number, fields[1:3])
        if start + length > len(data):
            raise TableError(f"{where}: {fields[0]!r} lies beyond the end of {path.name}; download both files again.")
        try:
            definition = data[start : start + length].decode()
        except UnicodeDecodeError:
            raise TableError(f"{where}: {fields[0]!r} in {path.name} is not UTF-8; convert it to UTF-8.") from None
        yield parse_definition(fields[0], definition)


def parse_definition(headword: str, text: str) -> Entry:
    """The headword as the definition spells it (the index drops capitals and hyphens), and its translations.

    >>> parse_definition("houseboat", "house-boat /haʊs/ <n>\\n1. Hausboot <neut>, Boot\\n   see: {boat}\\n2. Kahn")
    ('house-boat', ['Hausboot', 'Boot', 'Kahn'])
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if lines:
        spellings = [part.strip() for part in _NOTES.sub(" ", lines[0]).split(",")]
        same = [spelling for spelling in spellings if _letters(spelling) == _letters(headword)]
        if same or (len(lines) > 1 and _NOTES.search(lines[0])):
            headword, lines = (same or [headword])[0], lines[1:]
    depth = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    translations = []
    for line in lines:
        plain = _NUMBER.sub("", line.strip(), count=1) if _NUMBER.match(line.strip()) else line.strip()
        if len(line) - len(line.lstrip()) == depth and not _NO_TRANSLATION.match(plain):
            translations += [part.strip() for part in regex.split("[,;]", _NOTES.sub(" ", plain)) if part.strip()]
    return headword, translations


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _is_number(field: str) -> bool:
    return bool(field) and all(digit in _DIGITS for digit in field)


def _number(field: str) -> int:
    value = 0
    for digit in field:
        value = value * 64 + _DIGITS[digit]
    return value
