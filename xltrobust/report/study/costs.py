"""What an arm costs in training, and what it gains; how well it aligns translations, and how robust it is."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from xltrobust.errors import UserError
from xltrobust.report.blocks import Block, Chart
from xltrobust.report.page.charts import altair, rows_of
from xltrobust.report.palette import Palette
from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.statistics.crossed import crossed_contrast
from xltrobust.statistics.over_languages import accuracy_by_language, correlate
from xltrobust.statistics.run_means import Estimate

_RETRIEVAL = "test/retrieval/"


def costs(report: StudyReport) -> Iterator[Block]:
    """Gain over the baseline against passes; empty where runs do not record passes."""
    spent = {cell: _mean([(run.results.get("passes") or {}).get("plain_passes") for run in runs])
             for cell, runs in report.runs.items()}  # fmt: skip
    found = [
        (cell, condition, passes, gain)
        for cell, passes in spent.items()
        for condition in report.tested
        if passes is not None and cell != report.baseline and (gain := _gain(report, cell, condition)) is not None
    ]
    if not found:
        return
    rows = [
        {"arm": cell, "condition": condition, "x": passes, "y": 100 * own.value, "low": 100 * own.low,
         "high": 100 * own.high}
        for cell, condition, passes, own in found
    ]  # fmt: skip
    axes = ("passes over the training set", f"points above {report.baseline}")
    yield Chart(
        "Cost against gain", "; ".join(f"{cell}, {condition}: {passes:.2f} passes, {_told(own)}" for cell, condition,
        passes, own in found), "costs.png", lambda width, palette: _scatter(rows, axes, width, palette),
    )  # fmt: skip
    table: list[list[Cell]] = [[cell, condition, f"{passes:.2f}", _told(own)] for cell, condition, passes, own in found]
    yield Table(f"Passes, and points above {report.baseline}", [("arm", ""), ("condition", ""), ("passes", "mean"),
                ("gain", "points, 95 %")], table)  # fmt: skip


def alignment(report: StudyReport) -> Iterator[Block]:
    """Retrieval of translations against accuracy, by arm, and their correlation over languages; empty if unmeasured."""
    rows: list[dict[str, Any]] = []
    table: list[list[Cell]] = []
    for condition in report.tested:
        for cell in report.cells if condition in report.counts else []:
            retrieval = _retrieval(report, cell)
            accuracy = accuracy_by_language(report.counts[condition], cell)
            if not (shared := [name for name in accuracy if name in retrieval]):
                continue
            x, y = (statistics.mean(own[name] for name in shared) for own in (retrieval, accuracy))
            rows.append({"arm": cell, "condition": condition, "x": 100 * x, "y": 100 * y})
            table.append([cell, condition, percent(x), percent(y), _correlation(retrieval, accuracy)])
    if not rows:
        return
    seen = "; ".join(
        f"{row['arm']}, {row['condition']}: retrieval {row['x']:.1f}, accuracy {row['y']:.1f}" for row in rows
    )
    axes = ("retrieval of translations, %", "accuracy, %")
    yield Chart("Alignment against accuracy", seen, "alignment.png",
                lambda width, palette: _scatter(rows, axes, width, palette))  # fmt: skip
    yield Table(
        "Alignment and accuracy in %, means over languages", [("arm", ""), ("condition", ""), ("retrieval", ""),
        ("accuracy", ""), ("correlation", "over languages, Spearman")], table,
    )  # fmt: skip


def _scatter(rows: list[dict[str, Any]], axes: tuple[str, str], width: int, palette: Palette) -> Any:
    """Points of arms, one shape a condition, with their intervals if they have any; names are in the legend."""
    alt = altair()
    arms = list(dict.fromkeys(str(row["arm"]) for row in rows))
    colors = [palette.many[at % len(palette.many)] for at in range(len(arms))]
    base = alt.Chart(rows_of(*rows)).encode(
        x=alt.X("x:Q", title=axes[0], scale=alt.Scale(zero=False, nice=True, padding=12)),
        color=alt.Color("arm:N", sort=arms, title=None, scale=alt.Scale(domain=arms, range=colors)),
    )
    shape = alt.Shape("condition:N", title=None)
    y = alt.Y("y:Q", title=axes[1], scale=alt.Scale(zero=False))
    drawn = base.mark_point(filled=True, size=90, opacity=1).encode(y=y, shape=shape)
    if "low" in rows[0]:
        drawn = base.mark_rule().encode(y=alt.Y("low:Q", title=axes[1]), y2="high:Q") + drawn
    return drawn.properties(width=width, height=280)


def _gain(report: StudyReport, cell: str, condition: str) -> Estimate | None:
    if condition not in report.counts or report.baseline not in report.cells:
        return None
    try:
        counts = report.counts[condition].only([cell, report.baseline])
        return crossed_contrast(counts, {cell: 1.0, report.baseline: -1.0}).total
    except UserError:
        return None  # one run


def _retrieval(report: StudyReport, cell: str) -> dict[str, float]:
    by_language: dict[str, list[float]] = {}
    for run in report.runs[cell]:
        for name, value in (run.results.get("figures") or {}).items():
            if name.startswith(_RETRIEVAL) and isinstance(value, int | float):
                by_language.setdefault(name.removeprefix(_RETRIEVAL), []).append(float(value))
    return {language: statistics.mean(values) for language, values in by_language.items()}


def _correlation(first: dict[str, float], second: dict[str, float]) -> str:
    try:
        found = correlate(first, second)
    except UserError:
        return ""  # too few languages
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]".replace("-", "−")


def _told(own: Estimate) -> str:
    low, high = percent(own.low, signed=True), percent(own.high, signed=True)
    return f"{percent(own.value, signed=True)} [{low}, {high}]"


def _mean(values: list[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return statistics.mean(known) if known else None
