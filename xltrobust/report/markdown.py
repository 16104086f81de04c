"""Writes a report as GitHub-flavoured Markdown. Every text from outside is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from xltrobust.report.blocks import (
    Block,
    Chart,
    Code,
    Document,
    Examples,
    Facts,
    Heading,
    Notes,
    Page,
    Picture,
    Prose,
)
from xltrobust.report.examples import AttackedExample, changes
from xltrobust.report.tables.base import Cell, Table
from xltrobust.report.visible import visible, visible_lines


def escape(text: object) -> str:
    """Text as it is, in a Markdown paragraph or table cell: no markup, no HTML, no end of the cell.

    >>> escape("<b> a|b *c*")
    '&lt;b&gt; a&#124;b &#42;c&#42;'
    """
    # Quotes are harmless outside of attributes, and a reader of the file need not see them as numbers.
    escaped = html.escape(visible(str(text)), quote=False)
    return "".join(f"&#{ord(c)};" if c in "|`*_[]{}\\~$!" else c for c in escaped)


def to_markdown(blocks: Iterable[tuple[int, Block]]) -> str:
    """The blocks as one text.

    Args:
        blocks: each with the level of its heading, as :mod:`xltrobust.report.contents` yields them.
    """
    return "\n\n".join(part for level, block in blocks for part in _parts(block, "#" * level)) + "\n"


def _parts(block: Block, mark: str) -> list[str]:
    match block:
        case Heading(text):
            return [f"{mark} {escape(text)}"]
        case Prose(text, plain):
            return [text + escape(plain)]
        case Notes(notes):
            return ["\n".join(f"- {f'{escape(owner)}: ' if owner else ''}{escape(note)}" for owner, note in notes)]
        case Facts(facts):
            return ["\n".join(["| | |", "|---|---|", *(_row([name, escape(value)]) for name, value in facts.items())])]
        case Code(text, language):
            return [_fenced(text, language)]
        case Picture(caption, file):
            return [f"![{caption}]({file})"]
        case Chart(caption, described, file):
            return [f"**{escape(caption)}**", f"![{escape(described)}]({file})"]
        case Document(text):
            return ["\n".join(f"> {html.escape(line, quote=False)}" for line in visible_lines(text).splitlines())]
        case Page(caption, file):
            return [f"[{caption}]({file})"]
        case Examples(examples):
            return [_examples(examples)]
        case Table(title):
            return [*([f"{mark} {escape(title)}"] if title else []), table_to_markdown(block)]


def _fenced(text: str, language: str) -> str:
    """A block whose text is shown as it is: no line of it can end the block, whose fence is longer than any inside."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{visible_lines(text)}\n{fence}"


def table_to_markdown(table: Table) -> str:
    """A table, its cells escaped, averages in bold."""
    header = [escape(name) + (f"<br>{escape(note)}" if note else "") for name, note in table.columns]
    lines = [_row(header), _row(["---"] + ["--:"] * (len(header) - 1))]
    lines += [_row([_cell(cell) for cell in row]) for row in table.rows]
    lines += [_row([f"**{_cell(cell)}**" if cell != "" else "" for cell in row]) for row in table.summary]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    return f"{cell.value} {cell.detail()}" + (r" \*" if cell.marked else "")


def _examples(found: Sequence[AttackedExample]) -> str:
    lines = [_row(["language", "attack", "original", "adversarial", "label", "prediction"]), _row(["---"] * 6)]
    for example in found:
        pieces = [changes(*texts) for texts in example.texts]
        sides = ["<br>".join(_pieces(pair[i]) for pair in pieces) for i in (0, 1)]
        answers = [escape(value) for value in (example.label, example.prediction)]
        lines.append(_row([escape(example.language), escape(example.attack), *sides, *answers]))
    return "\n".join(lines)


def _pieces(pieces: Sequence[tuple[str, bool]]) -> str:
    return "".join(f"<b>{escape(text)}</b>" if changed else escape(text) for text, changed in pieces)
