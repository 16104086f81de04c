"""Draws accuracies, languages by conditions, as a heat map with one panel per run, all on one scale.

An attack takes two cells: clean accuracy on the attacked examples, and accuracy under the attack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.base import count_range
from xltrobust.report.visible import visible

_CELL = (0.84, 0.27)  # inches
_HALF = 0.46  # of a pair of cells
_WIDEST = 16.0
_GAP = 0.25
_CELL_GAP = 0.04
_NARROWEST = 30  # percent


def draw_heatmap(report: Report, path: Path) -> None:
    """Draws a PNG.

    Args:
        report: its runs are the panels.
        path: the file, which must end in ``.png``.
    """
    # Neither pyplot nor a display: figures of a server are never shown, and a global state would keep them alive.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    # Of several runs, the averages of all panels are over the same languages.
    panels = [
        _panel_of(common if common.conditions else whole, report.languages)
        for whole, common in zip(report.summaries, report.compared, strict=True)
    ]
    known = np.concatenate([panel.values[~np.isnan(panel.values)] for panel in panels])
    low, high = 10 * math.floor(known.min() / 10), 10 * math.ceil(known.max() / 10)
    # On a narrower scale, differences within the noise would look like day and night.
    norm = Normalize(min(low, high - _NARROWEST), high)

    rows = [*report.languages, "avg (targets)", "avg (all)"]
    label_width = 0.3 + 0.075 * max(len(visible(name)) for name in rows)
    widths = [max(panel.width, 1.7) for panel in panels]
    places = _places(widths, _WIDEST - label_width)
    lines = places[-1][0] + 1
    columns = [column for panel in panels for column in panel.columns]
    header = 0.5 + 0.28 * (len(panels) > 1) + 0.14 * any(len(column.name) > 10 for column in columns)
    panel_height = (len(rows) + 0.4) * _CELL[1]
    width = label_width + max(at + panel_width for (_, at), panel_width in zip(places, widths, strict=True)) + 1.1
    title = _title(report, int(width / 0.1), any(column.paired for column in columns))
    top = 0.25 + 0.24 * len(title.splitlines())
    height = top + lines * (panel_height + header) + 0.15

    figure = Figure(figsize=(width, height), dpi=150)
    FigureCanvasAgg(figure)
    figure.text(0.15 / width, 1 - 0.15 / height, title, va="top", fontsize=11, linespacing=1.35, parse_math=False)
    for i, (summary, panel) in enumerate(zip(report.summaries, panels, strict=True)):
        line, at = places[i]
        left = label_width + at
        bottom = height - top - (line + 1) * (panel_height + header)
        axes = figure.add_axes((left / width, bottom / height, panel.width / width, panel_height / height))
        _draw(axes, panel, norm, len(report.languages))
        axes.set_yticks(_offsets(len(panel.values), len(report.languages)))
        axes.set_yticklabels([visible(name) for name in rows] if at == 0 else [], fontsize=9)
        for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
            label.set_parse_math(False)
        if len(panels) > 1:
            name = visible(summary.run.name)
            fitting = int(widths[i] / 0.085)
            name = name if len(name) <= fitting else f"…{name[1 - fitting :]}"
            axes.set_title(name, fontsize=10, fontweight="bold", pad=8, parse_math=False)
    bar_height = min(panel_height, 3.0) - 0.1
    bar = figure.add_axes(
        ((width - 0.72) / width, (height - top - header - bar_height - 0.1) / height, 0.14 / width, bar_height / height)
    )
    figure.colorbar(ScalarMappable(norm, "viridis"), cax=bar)
    bar.tick_params(labelsize=8, length=2)
    bar.set_title("%", fontsize=9)
    bar.spines[:].set_visible(False)
    figure.savefig(path, format="png")


@dataclass(frozen=True)
class _Column:
    """A condition: name, number of examples per language, left edge in inches, and whether it has two cells."""

    name: str
    counts: str
    left: float
    paired: bool

    @property
    def edges(self) -> list[float]:
        return (
            [self.left, self.left + _HALF, self.left + 2 * _HALF] if self.paired else [self.left, self.left + _CELL[0]]
        )


@dataclass(frozen=True)
class _Panel:
    """A run's columns, and their values in percent, shape (languages + averages, cells); NaN where there is none."""

    columns: list[_Column]
    values: np.ndarray

    @property
    def width(self) -> float:
        return self.columns[-1].edges[-1]


def _panel_of(summary: Summary, languages: list[str]) -> _Panel:
    columns: list[_Column] = []
    cells = []
    names = [*languages, "avg", "avg_all"]
    for condition, intervals in summary.conditions.items():
        clean = summary.clean_on_attacked.get(condition)
        left = columns[-1].edges[-1] + _CELL_GAP if columns else 0.0
        counts = count_range([intervals[name].examples for name in languages if name in intervals])
        columns.append(_Column(condition, counts, left, clean is not None))
        cells += [_percents(found, names) for found in (clean, intervals) if found is not None]
    return _Panel(columns, np.array(cells).T)


def _percents(intervals: Mapping[str, Interval], names: Sequence[str]) -> list[float]:
    return [100 * intervals[name].value if name in intervals else math.nan for name in names]


def _places(widths: list[float], available: float) -> list[tuple[int, float]]:
    """(line, distance from the left) of panels that fill one line after the other."""
    places: list[tuple[int, float]] = []
    line, at = 0, 0.0
    for width in widths:
        if at and at + width > available:
            line, at = line + 1, 0.0
        places.append((line, at))
        at += width + _GAP
    return places


def _offsets(rows: int, languages: int) -> np.ndarray:
    """Heights of the rows: averages stand a little apart."""
    return np.arange(rows) + 0.4 * (np.arange(rows) >= languages)


def _draw(axes, panel: _Panel, norm, languages: int) -> None:  # type: ignore[no-untyped-def]
    from matplotlib import colormaps

    viridis = colormaps["viridis"]
    offsets = _offsets(len(panel.values), languages)
    first = 0
    for column in panel.columns:
        edges = column.edges
        values = panel.values[:, first : first + len(edges) - 1]
        first += len(edges) - 1
        for start, stop in ((0, languages), (languages, len(values))):
            heights = np.append(offsets[start:stop], offsets[stop - 1] + 1) - 0.5
            axes.pcolormesh(edges, heights, values[start:stop], cmap=viridis, norm=norm)
            axes.hlines(heights, edges[0], edges[-1], color="white", linewidth=1)
        for (row, cell), value in np.ndenumerate(values):
            if np.isnan(value):
                continue
            red, green, blue, _ = viridis(norm(value))
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
            weight = "bold" if row >= languages else "normal"
            style = {
                "ha": "center",
                "va": "center_baseline",
                "fontweight": weight,
                "color": "black" if bright else "white",
            }
            size = 8 if column.paired else 9
            axes.text((edges[cell] + edges[cell + 1]) / 2, offsets[row], f"{value:.1f}", fontsize=size, **style)
    axes.set_xlim(0, panel.width)
    axes.set_ylim(offsets[-1] + 0.5, -0.5)
    axes.xaxis.tick_top()
    middles = [(column.edges[0] + column.edges[-1]) / 2 for column in panel.columns]
    names = [f"{_shorten(visible(column.name))}\n{column.counts}" for column in panel.columns]
    axes.set_xticks(middles, names, fontsize=8.5)
    axes.tick_params(length=0, pad=3)
    axes.spines[:].set_visible(False)


def _title(report: Report, width: int, attacked: bool) -> str:
    """What was measured, and, where all runs agree, on what."""
    results = [summary.run.results for summary in report.summaries]
    facts = [f"accuracy in %, {report.split}"]
    for key in ("task", "encoder"):
        names = list(dict.fromkeys(str(result[key]) for result in results if result.get(key)))
        facts += names if len(names) == 1 else [f"{len(names)} {key}s"] * bool(names)
    facts += ["n: examples a language"]
    facts += ["attacked: clean accuracy on the same examples | under attack"] * attacked
    head = f"{report.summaries[0].run.name}: " if len(results) == 1 else ""
    lines = [head + facts[0]]
    for fact in facts[1:]:
        joined = f"{lines[-1]} · {fact}"
        lines = [*lines[:-1], joined] if len(joined) <= width else [*lines, fact]
    return "\n".join(visible(line) for line in lines)


def _shorten(name: str) -> str:
    """A column's name in at most two lines of ten characters, parted between words where that is possible.

    >>> _shorten("typo_gradient").split("\\n"), _shorten("punctuations").split("\\n")
    (['typo_', 'gradient'], ['punctuatio', 'ns'])
    """
    if len(name) <= 10:
        return name
    parted = max(name.rfind(mark, 0, 10) for mark in "_-.@ ") + 1
    at = parted if parted and len(name) - parted <= 10 else 10
    rest = name[at:]
    return f"{name[:at]}\n{rest if len(rest) <= 10 else rest[:9] + '…'}"
