"""Rows of ``datasets`` sets, from the hub or a local directory, as text."""

from __future__ import annotations

from collections.abc import Iterator

from xltrobust.datamodules.rows import NumberedRow, as_text
from xltrobust.errors import DataError, one_line


def hub_rows(name: str, subset: str | None, split: str) -> Iterator[NumberedRow]:
    """The rows of a split of a ``datasets`` set, numbered; labels by name where the set names them.

    Raises:
        DataError: if it cannot be read.
    """
    from datasets import ClassLabel, load_dataset  # seconds of imports, and only hub sets need them
    from datasets.exceptions import DatasetsError

    where = f"{name}[{subset}/{split}]" if subset else f"{name}[{split}]"
    try:
        rows = load_dataset(name, subset, split=split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = one_line(error).rstrip(".")
        raise DataError(
            f"{where}: cannot be read ({reason}); check the name and --split, or that the hub can be reached."
        ) from None
    names = {column: kind for column, kind in rows.features.items() if isinstance(kind, ClassLabel)}
    for number, row in enumerate(rows, 1):
        named = {
            column: names[column].int2str(row[column])
            for column in names
            if row[column] is not None and row[column] >= 0
        }
        yield number, as_text(row | named)
