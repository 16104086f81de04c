"""Labelled examples made of the rows of files. Every error names the file, the line and a remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xltrobust.datamodules.rows import NumberedRow, require_columns
from xltrobust.errors import DataError
from xltrobust.example import Example


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The names of the columns of a file.

    Args:
        text: the (first) text.
        label: the label, as a name or a number.
        text_pair: the second text of a pair.
        id: an identifier that translations of one item share; None uses the number of the row.
        group: a value that rows share if they are not independent, such as a document; see :class:`Example`.
        language: the language, if a file holds several.
    """

    text: str = "text"
    label: str = "label"
    text_pair: str | None = None
    id: str | None = None
    group: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        named = self.named()
        if twice := [name for name in named if named.count(name) > 1]:
            raise ValueError(f"Expected argument `columns` to name different columns, but got {twice[0]!r} twice.")

    def named(self) -> list[str]:
        """The names of all columns that a file has to have."""
        wanted = (self.text, self.text_pair, self.label, self.id, self.group, self.language)
        return [name for name in wanted if name is not None]


@dataclass(frozen=True)
class ExampleTable:
    """The examples of one file (or hub split) in one language.

    Args:
        examples: in the order of the file. Without an id column, ids are row numbers, which count omitted rows too.
        rows: the number of rows, including those left out.
        has_ids: whether the ids come from the data.
        left_out: the number of rows left out, by reason.
        left_out_ids: the ids of these rows.
    """

    examples: list[Example]
    rows: int
    has_ids: bool
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_ids: set[str] = field(default_factory=set)


def parse_label(value: str, labels: Sequence[str], where: str, aliases: dict[str, str] | None = None) -> int:
    """The index of a label that is given by name or, unless the names are numbers themselves, by its index.

    Raises:
        DataError: if it is neither; names ``where`` (file and line).

    >>> parse_label("entailment", ["entailment", "neutral"], "f:1"), parse_label("1", ["entailment", "neutral"], "f:1")
    (0, 1)
    """
    name = (aliases or {}).get(value, value)
    if name in labels:
        return labels.index(name)
    expected = f"one of {', '.join(labels)}"
    if not any(label.isdecimal() for label in labels):
        if value.isdecimal() and len(value) < 10 and int(value) < len(labels):
            return int(value)
        expected += f" or 0 to {len(labels) - 1}"
    raise DataError(f"{where}: unknown label {value[:80]!r}; expected {expected}.")


def examples_from_rows(
    rows: Iterable[NumberedRow],
    *,
    path: Path | str,
    language: str,
    columns: Columns,
    labels: Sequence[str],
    aliases: dict[str, str] | None = None,
    untranslated: str | None = None,
    language_name: str | None = None,
) -> ExampleTable:
    """Makes examples of numbered rows.

    Args:
        rows: numbered rows, as :func:`read_rows` yields them.
        path: the file, for messages.
        language: the code that examples get; if there is a language column, rows in other languages are skipped.
        columns: the names of the columns.
        labels: the names of the classes.
        aliases: other spellings of labels, each with the label that it stands for.
        untranslated: a text that means "not translated", such as PAWS-X's ``NS``; its rows are left out and counted.
        language_name: the name of the language in the language column; None takes its code.

    Raises:
        DataError: if a column is missing, a label is unknown, or an id is empty or not unique.
    """
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    left_out_ids: set[str] = set()
    seen: dict[str, int] = {}
    count = 0
    for number, row in rows:
        require_columns(row, columns.named(), f"{path}:{number}")
        if columns.language and row[columns.language] != (language_name or language):
            continue
        count += 1
        identifier = row[columns.id] if columns.id else str(count)
        if not identifier.strip():
            raise DataError(f"{path}:{number}: the id is empty; give the row one.")
        if columns.id and identifier in seen:
            raise DataError(
                f"{path}:{number}: id {identifier!r} was used on line {seen[identifier]}; ids must be distinct."
            )
        seen[identifier] = number
        text, pair = row[columns.text], row[columns.text_pair] if columns.text_pair else None
        if untranslated is not None and untranslated in (text, pair):
            left_out[f"not translated ({untranslated})"] += 1
            left_out_ids.add(identifier)
            continue
        label = parse_label(row[columns.label], labels, f"{path}:{number}", aliases)
        group = row[columns.group] if columns.group else None
        examples.append(Example(identifier, language, text, label, pair, group))
    return ExampleTable(examples, count, columns.id is not None, left_out, left_out_ids)
