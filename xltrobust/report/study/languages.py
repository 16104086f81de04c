"""Languages of a study: accuracy by arm and condition, the lowest of each arm, and every contrast in each language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xltrobust.errors import UserError
from xltrobust.report.blocks import Block, Chart, Prose
from xltrobust.report.page.charts import WIDE, altair, rows_of
from xltrobust.report.palette import Palette
from xltrobust.report.study.answer import told, under
from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.statistics.over_languages import accuracy_by_language, effect_by_language

_WORST = 3


def heat_maps(report: StudyReport) -> Iterator[Block]:
    """A map of arms by languages for each condition, and the table of their figures."""
    for at, condition in enumerate(report.counts):
        yield heat_map(report, condition, f"accuracy-{at}.png")
    yield accuracy_table(report)


def accuracies(report: StudyReport, condition: str) -> dict[str, dict[str, float]]:
    """Mean accuracy over runs, by cell and then by language."""
    counts = report.counts[condition]
    return {cell: accuracy_by_language(counts, cell) for cell in counts.cells}


def heat_map(report: StudyReport, condition: str, file: str) -> Chart:
    """Accuracy in percent; the same colors in all conditions, so that maps can be set beside each other."""
    values = accuracies(report, condition)
    most = 7
    rows = [
        {"arm": cell, "language": language, "text": f"{100 * value:.0f}", "bin": min(most, int(value * (most + 1)))}
        for cell, own in values.items()
        for language, value in own.items()
    ]

    def draw(width: int, palette: Palette) -> Any:
        alt = altair()
        bins = list(range(most + 1))
        base = alt.Chart(rows_of(*rows)).encode(
            x=alt.X("arm:N", sort=list(values), title=None, axis=alt.Axis(labelAngle=-60, orient="top", ticks=False)),
            y=alt.Y("language:N", sort=None, title=None, axis=alt.Axis(ticks=False)),
        )
        fill = alt.Color("bin:O", legend=None, scale=alt.Scale(domain=bins, range=list(palette.scale)))
        ink = alt.Color("bin:O", legend=None, scale=alt.Scale(domain=bins, range=list(palette.on_scale)))
        texts = base.mark_text(fontSize=12 if width >= WIDE else 10).encode(text="text:N", color=ink)
        layers = alt.layer(base.mark_rect().encode(color=fill), texts).resolve_scale(color="independent")
        return layers.properties(width=width, height={"step": 20})

    lowest = min((value, cell, language) for cell, own in values.items() for language, value in own.items())
    highest = max((value, cell, language) for cell, own in values.items() for language, value in own.items())
    seen = (
        f"Accuracy of {len(values)} arms in {len(report.counts[condition].languages)} languages, from "
        f"{percent(lowest[0])} % ({lowest[1]}, {lowest[2]}) to {percent(highest[0])} % ({highest[1]}, {highest[2]}). "
        "The table below has all figures."
    )
    return Chart(f"{under(condition)}: accuracy in %", seen, file, draw)


def accuracy_table(report: StudyReport) -> Table:
    """A row for each language and condition."""
    rows: list[list[Cell]] = []
    for condition, counts in report.counts.items():
        values = accuracies(report, condition)
        for language in counts.languages:
            rows.append([language, condition, *(percent(values[cell][language]) for cell in report.cells)])
    columns = [("language", ""), ("condition", ""), *((cell, "") for cell in report.cells)]
    return Table("Accuracy in %, mean of all runs", columns, rows)


def worst_languages(report: StudyReport) -> Iterator[Block]:
    """The lowest languages of each arm, and each contrast in each language."""
    rows: list[list[Cell]] = []
    for condition in report.tested:
        if condition not in report.counts:
            continue
        for cell, own in accuracies(report, condition).items():
            lowest = sorted(own.items(), key=lambda pair: pair[1])[:_WORST]
            named: list[Cell] = [f"{language} {percent(value)}" for language, value in lowest]
            rows.append([cell, condition, *named, *([""] * (_WORST - len(named)))])
    places = ("lowest", "second", "third")
    yield Table("The lowest languages of each arm: accuracy in %", [("arm", ""), ("condition", ""),
                *((place, "") for place in places)], rows)  # fmt: skip
    table = effects_table(report)
    if table.rows:
        yield table
        yield Prose("Not corrected for their number: one in twenty true zeros has an interval without zero.")


def effects_table(report: StudyReport) -> Table:
    """Each contrast in each language alone, with intervals over seeds and items."""
    rows: list[list[Cell]] = []
    for contrast in report.contrasts[0]:
        used = [cell for cell, weight in contrast.weights.items() if weight]
        try:
            found = effect_by_language(report.counts[contrast.condition].only(used), contrast.weights)
        except (UserError, KeyError):
            continue
        for language, parts in found.items():
            own = parts.total
            low, high = percent(own.low, signed=True), percent(own.high, signed=True)
            rows.append(
                [language, told(contrast), contrast.condition, f"{percent(own.value, signed=True)} [{low}, {high}]"]
            )
    columns = [("language", ""), ("contrast", ""), ("condition", ""), ("difference", "points, 95 %")]
    return Table("Each contrast in each language", columns, rows)
