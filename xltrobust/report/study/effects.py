"""The contrasts of a study: a table with all that their intervals are made of, and a forest plot for each condition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from xltrobust.report.blocks import Block, Chart, Notes
from xltrobust.report.page.charts import WIDE, altair, rows_of
from xltrobust.report.palette import Palette
from xltrobust.report.study.answer import difference, p_value, told, under
from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.statistics.contrasts import Contrast
from xltrobust.statistics.run_means import Estimate

_PARTS = ("seeds and items", "seeds alone", "items alone")


def effects(report: StudyReport) -> Iterator[Block]:
    """The charts and the table; notes on what differs besides."""
    contrasts, problems = report.contrasts
    conditions = list(dict.fromkeys(contrast.condition for contrast in contrasts))
    for at, condition in enumerate(conditions):
        yield forest([contrast for contrast in contrasts if contrast.condition == condition], f"contrasts-{at}.png")
    if contrasts:
        yield contrast_table(contrasts)
    notes = [(told(contrast), f"the arms also differ in {contrast.differs}") for contrast in contrasts
             if contrast.differs]  # fmt: skip
    notes = list(dict.fromkeys(notes)) + [
        ("", f"{each}: {left} test items that some run lacks are left out")
        for each, left in dict.fromkeys((one.condition, one.items_left_out) for one in contrasts)
        if left
    ]
    if notes + [("", problem) for problem in problems]:
        yield Notes(notes + [("", problem) for problem in problems])


def contrast_table(contrasts: list[Contrast]) -> Table:
    """A row for each contrast and condition."""
    modelled = any(contrast.model for contrast in contrasts)
    columns = [
        ("contrast", ""), ("condition", ""), ("difference", "points, 95 %"), ("p", "Holm"), ("detectable", "points"),
        ("± seeds", "points"), ("± items", "points"), ("Welch", "runs only"), ("HC3", "runs only"),
        *([("paired", "runs only")] if any("paired" in contrast.by_runs for contrast in contrasts) else []),
        *([("odds ratio", "mixed model"), ("p", "mixed model, Holm")] if modelled else []), ("runs", ""),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for own in contrasts:
        row: list[Cell] = [
            told(own), own.condition, difference(own) + " *" * own.star, p_value(own.adjusted),
            percent(own.detectable), percent(own.seeds.margin), percent(own.items.margin),
        ]  # fmt: skip
        for name in ("welch", "hc3", *(["paired"] if ("paired", "runs only") in columns else [])):
            row.append(_interval(own.by_runs[name]) if name in own.by_runs else "")
        if modelled:
            row += [_odds(own.model), p_value(own.model_adjusted) if own.model_adjusted is not None else ""]
        rows.append([*row, str(own.runs)])
    return Table("Contrasts with the parts of their intervals", columns, rows)


def forest(contrasts: list[Contrast], file: str) -> Chart:
    """Estimates with their intervals; the part that other seeds make, and that which other items make, below each."""
    rows = [
        {"contrast": told(own), "part": name, "value": 100 * own.value, "low": 100 * part.low, "high": 100 * part.high}
        for own in contrasts
        for name, part in zip(_PARTS, (own.interval, own.seeds, own.items), strict=True)
    ]

    def draw(width: int, palette: Palette) -> Any:
        alt = altair()
        names = [told(own) for own in contrasts]
        y = alt.Y("contrast:N", sort=names, title=None, axis=alt.Axis(labelExpr=_wrapped(width), ticks=False))
        color = alt.Color(
            "part:N",
            title=None,
            scale=alt.Scale(domain=list(_PARTS), range=[palette.text, palette.main, palette.second]),
        )
        base = alt.Chart(rows_of(*rows)).encode(y=y, yOffset=alt.YOffset("part:N", sort=list(_PARTS)), color=color)
        title = "difference in points of accuracy"
        lines = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=title), x2="high:Q")
        points = base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q")
        zero = alt.Chart(rows_of({"zero": 0})).mark_rule(color=palette.text, strokeDash=[4, 3]).encode(x="zero:Q")
        return (zero + lines + points).properties(width=width, height={"step": 24 if width >= WIDE else 22})

    condition = contrasts[0].condition
    seen = "; ".join(f"{told(own)}: {difference(own)}" for own in contrasts)
    return Chart(f"{under(condition)}: differences with both parts of their intervals", seen, file, draw)


def _wrapped(width: int) -> str:
    """Vega's expression that breaks a label before a minus, a colon's end and brackets, where there is little room."""
    marks = r"/: |(?= − )|(?= \()/" if width >= WIDE else r"/: | (?=−)|(?<=− )| (?=\()| of /"
    return f"split(datum.label, {marks})"


def _interval(found: Estimate) -> str:
    return f"[{percent(found.low, signed=True)}, {percent(found.high, signed=True)}]"


def _odds(found: Estimate | None) -> str:
    if found is None:
        return ""
    value, low, high = (math.exp(each) for each in (found.value, found.low, found.high))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
