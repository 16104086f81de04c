"""The generalized setting of Huang et al. (2021): the two texts of a pair are in two languages."""

from __future__ import annotations

from dataclasses import replace

from xltrobust.datamodules.example_table import ExampleTable
from xltrobust.errors import DataError


def cross_languages(first: ExampleTable, second: ExampleTable, languages: tuple[str, str]) -> ExampleTable:
    """Examples with ``text`` from the table of one language and ``text_pair`` from that of another.

    Rows are aligned by id or, if the data have no ids, by row number. Items that are missing in either language are
    left out and counted.

    Args:
        first: the table that ``text`` is from.
        second: the table that ``text_pair`` is from.
        languages: the languages of the two tables.

    Raises:
        DataError: if the tables have no ids and different numbers of rows, if only one of them has ids, or if an item
            has different labels in them.
    """
    names = " and ".join(languages)
    if first.has_ids != second.has_ids:
        raise DataError(f"{names}: one of the files has ids and the other has none; use files of one layout.")
    if not first.has_ids and first.rows != second.rows:
        raise DataError(
            f"{names}: {first.rows} and {second.rows} rows and no ids; line-aligned files must be equally long."
        )
    others = {example.id: example for example in second.examples}
    crossed = []
    for example in first.examples:
        other = others.get(example.id)
        if other is None:
            continue
        if other.label != example.label:
            raise DataError(
                f"{names}: item {example.id!r} has label {example.label} in one and {other.label} in the other."
            )
        crossed.append(replace(example, language=languages, text_pair=other.text_pair))
    table = ExampleTable(crossed, first.rows, first.has_ids)
    either = {example.id for example in first.examples} | set(others) | first.left_out_ids | second.left_out_ids
    table.left_out["missing in either language"] = len(either) - len(crossed)
    return table
