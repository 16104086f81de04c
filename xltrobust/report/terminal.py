"""Draws a report's tables in the terminal, as wide as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from xltrobust.report.blocks import Block, Notes, Prose
from xltrobust.report.tables.base import Cell, Table
from xltrobust.report.visible import visible

# Tables in a file or a pipe have no terminal whose width they could take.
_WIDTH = 120


def print_blocks(blocks: Iterable[tuple[int, Block]], console: Console | None = None) -> None:
    """Prints tables, prose and notes.

    Args:
        blocks: each with the level of its heading, as :mod:`xltrobust.report.contents` yields them.
        console: where to; by default standard output, 120 columns wide where that is no terminal.

    Raises:
        TypeError: if there is a block that a terminal cannot show.
    """
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_WIDTH)
    for _, block in blocks:
        match block:
            case Table(title):
                console.print(Text(visible(title), style="bold"))
                for part in fit(block, console):
                    console.print(part)
                console.print()
            case Prose(text, plain):
                console.print(Text(visible(text + plain), style="dim"))
            case Notes(notes):
                for owner, note in notes:
                    console.print(Text(visible(f"{owner}: {note}" if owner else note), style="yellow"))
            case _:
                raise TypeError(f"A terminal shows no {type(block).__name__}: give its section only='markdown'.")


def fit(table: Table, console: Console) -> list[RichTable]:
    """The table with one decimal in the intervals if that fits, else with none, else in several parts."""
    everything = list(range(1, len(table.columns)))
    for compact in (False, True):
        whole = _draw(table, everything, compact)
        if _fits(whole, console):
            return [whole]
    parts, at = [], 0
    while at < len(everything):
        size = 1
        while at + size < len(everything) and _fits(_draw(table, everything[at : at + size + 1]), console):
            size += 1
        parts.append(_draw(table, everything[at : at + size]))
        at += size
    return parts


def _fits(table: RichTable, console: Console) -> bool:
    wide = console.options.update(max_width=100_000)
    return Measurement.get(console, wide, table).maximum <= console.width


def _draw(table: Table, columns: Sequence[int], compact: bool = False) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for index in (0, *columns):
        name, note = table.columns[index]
        # Long names of attacks and runs may be broken; figures may not.
        width = max([len(part) for part in visible(name).split()] + [len(note), 8])
        longest = max((_text(row[index], compact).cell_len for row in table.rows + table.summary), default=0)
        header = Text(visible(name), overflow="fold")
        header.append(f"\n{note}" if note else "", style="dim not bold")
        justify: Literal["left", "right"] = "left" if index == 0 else "right"
        drawn.add_column(
            header, justify=justify, no_wrap=False, min_width=longest, max_width=max(longest, min(width, 24))
        )
    for rows, last in ((table.rows, bool(table.summary)), (table.summary, False)):
        for i, row in enumerate(rows):
            cells = [_text(row[index], compact) for index in (0, *columns)]
            drawn.add_row(*cells, end_section=last and i == len(rows) - 1)
    return drawn


def _text(cell: Cell, compact: bool) -> Text:
    if isinstance(cell, str):
        return Text(visible(cell))
    better = "green" if cell.interval.value > 0 else "red"
    text = Text(cell.value, style=f"bold {better}" if cell.marked else "")
    text.append(f" {cell.detail(compact)}", style="not bold default dim")
    if cell.signed:
        text.append(" *" if cell.marked else "  ")
    return text
