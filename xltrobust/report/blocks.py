"""What a report is made of, whatever draws it. Tables are in :mod:`xltrobust.report.tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from xltrobust.report.tables.base import Table

if TYPE_CHECKING:
    import altair as alt

    from xltrobust.report.examples import AttackedExample
    from xltrobust.report.palette import Palette
    from xltrobust.report.summary import Report


@dataclass(frozen=True)
class Heading:
    """A title of its own; a table brings its own."""

    text: str


@dataclass(frozen=True)
class Prose:
    """A paragraph.

    Args:
        text: ours, with Markdown's backticks where names stand.
        plain: what follows and may hold names from outside; escaped where it must be.
    """

    text: str
    plain: str = ""


@dataclass(frozen=True)
class Notes:
    """A list of (whose it is, or "", note)."""

    notes: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Facts:
    """Names and values, for example the encoder and the seed of a run."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Code:
    """One line or more to be copied as they are, in ``language``."""

    text: str
    language: str


@dataclass(frozen=True)
class Picture:
    """A picture beside the report: its file's name, and what writes it as PNG to a path."""

    caption: str
    file: str
    draw: Callable[[Report, Path], None]


@dataclass(frozen=True)
class Page:
    """A file beside the report that is linked: its name, and what writes it to a path."""

    caption: str
    file: str
    write: Callable[[Report, Path], None]


@dataclass(frozen=True)
class Examples:
    """Attacked texts beside their originals."""

    examples: Sequence[AttackedExample]


@dataclass(frozen=True)
class Chart:
    """A chart that is drawn for the width and the colors it is shown with. A table beside it holds its figures.

    Args:
        caption: above it.
        described: what there is to be seen, for readers who do not see it.
        file: its name where it is a file of its own.
        draw: makes it, given the width of the plot in pixels.
    """

    caption: str
    described: str
    file: str
    draw: Callable[[int, Palette], alt.LayerChart | alt.Chart]


@dataclass(frozen=True)
class Document:
    """A text that the user wrote as Markdown."""

    text: str


Block: TypeAlias = Heading | Prose | Notes | Facts | Code | Picture | Page | Chart | Document | Examples | Table
