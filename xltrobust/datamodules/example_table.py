"""Labelled examples from the rows of files; every error names the file, the line and what to do."""

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
        label: the label, by name or number.
        text_pair: the second text of a pair task.
        id: an identifier, equal across languages for translations of one item; None takes the row's number.
        group: what rows that are not independent share (a document, say); see :class:`Example`.
        language: the language, where one file holds several.
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
        """The columns that a file must have."""
        wanted = (self.text, self.text_pair, self.label, self.id, self.group, self.language)
        return [name for name in wanted if name is not None]


@dataclass(frozen=True)
class ExampleTable:
    """The examples of one file (or hub split) in one language.

    Args:
        examples: in the file's order; without an id column the id is the row's number *before* anything was left out.
        rows: how many rows there were before anything was left out.
        has_ids: whether the ids come from the data.
        left_out: rows left out, by reason.
        left_out_ids: their ids.
    """

    examples: list[Example]
    rows: int
    has_ids: bool
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_ids: set[str] = field(default_factory=set)


def parse_label(value: str, labels: Sequence[str], where: str, aliases: dict[str, str] | None = None) -> int:
    """The index of a label given by name or, unless the names are numbers themselves, by number.

    Raises:
        DataError: naming ``where`` (file and line) if it is neither.

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
    """Makes examples of rows.

    Args:
        rows: numbered rows, as :func:`read_rows` yields them.
        path: named in errors.
        language: given to the examples; rows of another language are skipped where there is a language column.
        columns: the columns' names.
        labels: the classes.
        aliases: other spellings of labels.
        untranslated: a text that stands for "not translated" (PAWS-X's ``NS``); such rows are left out and counted.
        language_name: what stands for the language in the language column; None takes its code.

    Raises:
        DataError: on a missing column, an unknown label or an id that comes twice.
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
            raise DataError(f"{path}:{number}: the id is empty; give it one.")
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
