"""Writes the blocks of a report as one page that loads nothing; every text from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from xltrobust.errors import MissingPackage, UserError
from xltrobust.report.blocks import Block, Chart, Document, Examples, Heading, Prose
from xltrobust.report.examples import changes
from xltrobust.report.page.charts import NARROW, WIDE, as_svg
from xltrobust.report.tables.base import Cell, Table
from xltrobust.report.visible import visible, visible_lines

MOST_BYTES = 5_000_000
_SEARCHED = 8  # rows from which on a table can be searched


@dataclass
class Part:
    """A section of the page: its heading, an anchor, and its blocks, each with the name of what draws it."""

    title: str
    anchor: str
    blocks: list[tuple[str, Any]] = field(default_factory=list)


def to_html(blocks: Iterable[tuple[int, Block]]) -> str:
    """The page.

    Args:
        blocks: each with the level of its heading: one of level 1, the title; each of level 2 begins a section.

    Raises:
        MissingPackage: if the extra ``report`` is not installed.
        UserError: if the page would have more than 5 MB.
    """
    title, parts = _parts(blocks)
    environment = _environment()
    script = environment.get_template("page.js").render()
    page = str(
        environment.get_template("page.html").render(
            title=title, parts=parts, searched=_SEARCHED,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )  # fmt: skip
    if (size := len(page.encode())) > MOST_BYTES:
        raise UserError(
            f"the page would have {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:g}: report fewer cells (--stage)."
        )
    return page


def _parts(blocks: Iterable[tuple[int, Block]]) -> tuple[str, list[Part]]:
    title, parts, known = "", [Part("", "")], dict[str, int]()
    for level, block in blocks:
        if isinstance(block, Heading) and level == 1:
            title = block.text
            continue
        heading = block.text if isinstance(block, Heading) else getattr(block, "title", "")
        if level == 2 and heading:
            anchor = re.sub(r"\W+", "-", heading.lower()).strip("-") or "part"
            known[anchor] = known.get(anchor, 0) + 1
            parts.append(Part(heading, anchor if known[anchor] == 1 else f"{anchor}-{known[anchor]}"))
        if not (isinstance(block, Heading) and level == 2):
            parts[-1].blocks.append((type(block).__name__.lower(), _drawn(block)))
    return title, [part for part in parts if part.title or part.blocks]


def _drawn(block: Block) -> Any:
    """What the template shows of a block."""
    match block:
        case Prose(text, plain):
            return {"text": _markdown(text, inline=True), "plain": plain}
        case Document(text):
            return _markdown(visible_lines(text))
        case Chart():
            return {"block": block, "wide": _safe(as_svg(block, WIDE)), "narrow": _safe(as_svg(block, NARROW))}
        case Table():
            rows = [[_cell(cell) for cell in row] for row in block.rows]
            return {"block": block, "rows": rows, "summary": [[_cell(cell) for cell in row] for row in block.summary]}
        case Examples(examples):
            return [{"example": each, "sides": [changes(*texts) for texts in each.texts]} for each in examples]
        case _:
            return block


def _cell(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, str):
        return {"text": cell}
    text = f"{cell.value} {cell.detail()}{' *' * cell.marked}"
    return {"text": text, "sort": cell.interval.value}


def _markdown(text: str, inline: bool = False) -> Any:
    """HTML of Markdown in which HTML is text and pictures are none; headings are below those of the page."""
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise MissingPackage("a page needs", "markdown-it-py", "report") from None
    reader = MarkdownIt("js-default").disable("image")
    if inline:
        return _safe(reader.renderInline(text))
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
    return _safe(reader.renderer.render(tokens, reader.options, {}))


def _safe(markup: str) -> Any:
    """Markup that a library has made, and escaped."""
    from markupsafe import Markup

    return Markup(markup)


def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise MissingPackage("a page needs", "jinja2", "report") from None

    def shown(value: Any) -> Any:
        return visible(value) if type(value) is str else value

    return jinja2.Environment(
        loader=jinja2.PackageLoader("xltrobust.report.page"), autoescape=True, finalize=shown, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
