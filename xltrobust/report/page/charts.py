"""Draws charts (Vega-Altair) without a browser: as SVG for pages, as PNG for Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xltrobust.errors import MissingPackage
from xltrobust.report.palette import IN_PAGE, ON_PAPER, Palette
from xltrobust.report.visible import visible

if TYPE_CHECKING:
    import altair as alt

    from xltrobust.report.blocks import Chart

WIDE, NARROW = 620, 250  # of the plot itself, in pixels: names of rows stand left of it


def as_svg(chart: Chart, width: int) -> str:
    """A chart as an ``<svg>`` element for a page, its texts escaped.

    Raises:
        MissingPackage: if the extra ``report`` is not installed.
    """
    converter = _converter()
    return str(converter.vegalite_to_svg(_finished(chart, width, IN_PAGE)))


def as_png(chart: Chart, width: int = WIDE) -> bytes:
    """A chart as a PNG file's content.

    Raises:
        MissingPackage: if the extra ``report`` is not installed.
    """
    return bytes(_converter().vegalite_to_png(_finished(chart, width, ON_PAPER), scale=2))


def altair() -> Any:
    """The charting library.

    Raises:
        MissingPackage: if it is not installed.
    """
    try:
        import altair
    except ImportError:
        raise MissingPackage("a study's report needs", "altair", "report") from None
    return altair


def rows_of(*rows: Mapping[str, Any]) -> alt.InlineData:
    """Data of a chart; invisible characters of texts are shown as in tables."""
    shown = [{name: visible(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    return altair().InlineData(values=shown)


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise MissingPackage("a study's report needs", "vl-convert-python", "report") from None
    return vl_convert


def _finished(chart: Chart, width: int, palette: Palette) -> dict[str, Any]:
    drawn = chart.draw(width, palette)
    axis = {
        "labelColor": palette.text, "titleColor": palette.text, "gridColor": palette.line, "domainColor": palette.line,
        "tickColor": palette.line, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "labelLimit": 240 if width >= WIDE else 96,
    }  # fmt: skip
    legend = {"labelColor": palette.text, "titleColor": palette.text, "orient": "bottom", "labelFontSize": 12}
    legend |= {"columns": 4 if width >= WIDE else 2, "labelLimit": 240 if width >= WIDE else 120}
    text = {"color": palette.text}
    configured = drawn.properties(description=chart.described).configure(
        font="DejaVu Sans", background=palette.paper, axis=axis, legend=legend, text=text,
        view={"stroke": "transparent"}, title={"color": palette.text},
    )  # fmt: skip
    found: dict[str, Any] = configured.to_dict()
    return found
