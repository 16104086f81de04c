"""Rows of TSV, CSV and JSON Lines files with their line numbers. Every error names the file, the line and a remedy."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from xltrobust.errors import DataError

Row = dict[str, str]
NumberedRow = tuple[int, Row]


def read_rows(path: Path, header: Sequence[str] | None = None) -> Iterator[NumberedRow]:
    """The rows of a ``.tsv``, ``.csv`` or ``.jsonl`` file with their line numbers.

    Fields of TSV files are taken literally, because benchmarks do not quote them; CSV is quoted as usual.

    Args:
        path: the file.
        header: the columns' names if the file has no header line.

    Raises:
        DataError: if the file is missing, is of another kind or is not UTF-8, or if a line has another number of fields
            than the header.
    """
    readers = {".tsv": _read_delimited, ".csv": _read_delimited, ".jsonl": _read_json_lines}
    if path.suffix not in readers:
        raise DataError(f"{path}: expected a .tsv, .csv or .jsonl file; rename or convert it.")
    with _opened(path) as file:
        yield from readers[path.suffix](path, file, header)


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a ``.jsonl`` file with their line numbers, their values as JSON has them.

    Raises:
        DataError: if the file is missing or is not UTF-8, or if a line is not an object.
    """
    with _opened(path) as file:
        yield from _json_objects(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (FileNotFoundError, IsADirectoryError):
        raise DataError(f"{path}: no such file; check the path in the configuration.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}:{_undecodable_line(path)}: not UTF-8; convert the file to UTF-8.") from None


def _undecodable_line(path: Path) -> int:
    """The number of the first line that is not UTF-8, which the decoder's error does not tell."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf8")
            except UnicodeDecodeError:
                return number
    return number


def _read_delimited(path: Path, file: Iterable[str], header: Sequence[str] | None) -> Iterator[NumberedRow]:
    if path.suffix == ".csv":
        reader = csv.reader(file, strict=True)
        numbered: Iterator[tuple[int, list[str]]] = ((reader.line_num, row) for row in reader)
    else:
        numbered = ((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(file, 1))
    names = None if header is None else _distinct(header, f"{path}: header")
    try:
        for number, fields in numbered:
            if fields in ([], [""]):
                continue  # a blank line
            if names is None:
                names = _distinct(fields, f"{path}:{number}")
            elif len(fields) != len(names):
                raise DataError(
                    f"{path}:{number}: expected {len(names)} fields ({', '.join(names)}), but got {len(fields)}."
                )
            else:
                if any("\0" in field for field in fields):
                    raise DataError(f"{path}:{number}: a null character in the text; is the file UTF-8?")
                yield number, dict(zip(names, fields, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: not valid CSV ({error}).") from None
    if names is None:
        raise DataError(f"{path}: the file is empty; it should begin with a header line.")


def _read_json_lines(path: Path, file: Iterable[str], header: Sequence[str] | None) -> Iterator[NumberedRow]:
    for number, record in _json_objects(path, file):
        yield number, as_text(record)


def _json_objects(path: Path, file: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_object, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not valid JSON ({error.msg}).") from None
        except RecursionError:
            raise DataError(f"{path}:{number}: not valid JSON (nested too deep).") from None
        except ValueError as error:  # a repeated name, NaN, or a number of thousands of digits
            raise DataError(f"{path}:{number}: not valid JSON ({error}).") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}:{number}: expected a JSON object, but got {type(record).__name__}.")
        if "\\u" in line:  # only escapes can stand for characters that UTF-8 cannot encode
            for key, value in record.items():
                _check_characters(str(value), f"{path}:{number}: {key}")
        yield number, record


class _Nested(str):
    """Stands for a list or an object, where text is expected."""


def as_text(record: Mapping[str, Any]) -> Row:
    """A row whose values have types, as text: null is empty; lists and objects are refused where text is wanted."""
    return {name: _text(value) for name, value in record.items()}


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return _Nested("a list" if isinstance(value, list) else "an object")
    return "" if value is None else str(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _check_characters(value: str, where: str) -> None:
    if "\0" in value:
        raise DataError(f"{where}: a null character in the text; remove it.")
    try:
        value.encode("utf8")
    except UnicodeEncodeError:
        raise DataError(f"{where}: half of a surrogate pair, which is not a character; correct the text.") from None


def _distinct(names: Sequence[str], where: str) -> list[str]:
    """The names of the columns. None at all are refused, and so are two of one name, of which one would be lost."""
    if not names:
        raise DataError(f"{where}: there are no column names.")
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise DataError(f"{where}: two columns are named {twice[0]!r}; rename one.")
    return list(names)


def require_columns(row: Row, names: Sequence[str], where: str) -> None:
    """Checks that a row has text in each of the columns ``names``.

    Raises:
        DataError: if it does not; names ``where`` (file and line) and the columns that there are.
    """
    missing = [name for name in names if name not in row]
    if missing:
        raise DataError(f"{where}: no column {missing[0]!r}; the file has {', '.join(row)}.")
    for name in names:
        if isinstance(row[name], _Nested):
            raise DataError(f"{where}: expected text in {name!r}, but got {row[name]}.")
