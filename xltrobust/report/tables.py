"""The tables of a report, as data: terminal and Markdown draw the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.conditions import CLEAN
from xltrobust.report.summary import AVERAGES, Report, Summary

BEFORE = "attacked: clean accuracy on the same examples → under attack"
_ROW_NAMES = {"avg": "avg (targets)", "avg_all": "avg (all)", "transfer_gap": "transfer gap"}


@dataclass(frozen=True)
class Estimate:
    """A cell: an estimate and its interval, in percent.

    Args:
        interval: of the estimate.
        signed: for differences, which are marked if they are not zero.
        before: of an accuracy under attack, the clean accuracy on the same examples.
    """

    interval: Interval
    signed: bool = False
    before: float | None = None

    @property
    def value(self) -> str:
        own = percent(self.interval.value, self.signed)
        return own if self.before is None else f"{percent(self.before)} → {own}"

    def detail(self, compact: bool = False) -> str:
        """The interval, in whole percents if ``compact``."""
        low, high = self.interval.low, self.interval.high
        if compact and not self.signed:
            return f"[{100 * low:.0f}, {100 * high:.0f}]".replace("-", "−")
        return f"[{percent(low, self.signed)}, {percent(high, self.signed)}]"

    @property
    def marked(self) -> bool:
        return self.signed and self.interval.excludes_zero


Cell = Estimate | str


@dataclass(frozen=True)
class Table:
    """Columns are (name, a second line such as "n = 200"); ``summary`` are the rows below the line: averages."""

    title: str
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    summary: list[list[Cell]] = field(default_factory=list)


def percent(value: float, signed: bool = False) -> str:
    """A share in percent, to one decimal; no sign on what rounds to zero.

    >>> percent(0.5), percent(-0.021, signed=True), percent(-0.0001, signed=True), percent(0.02, signed=True)
    ('50.0', '−2.1', '0.0', '+2.0')
    """
    text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    if float(text) == 0:
        return "0.0"
    return text.replace("-", "−")


def count_range(counts: Sequence[int]) -> str:
    """
    >>> count_range([2000, 2000]), count_range([150, 200])
    ('n = 2,000', 'n = 150–200')
    """
    low, high = min(counts), max(counts)
    return f"n = {low:,}" if low == high else f"n = {low:,}–{high:,}"


def tables(report: Report) -> list[Table]:
    """One table for one run; for several, an overview of averages and a table for each condition that two share.

    Then how well translations are aligned, where that was measured.
    """
    from xltrobust.report.alignment_tables import alignment_tables

    aligned = alignment_tables([summary.run for summary in report.summaries])
    if len(report.summaries) == 1:
        return [run_table(report.summaries[0], report.languages), *aligned]
    found = [name for summary in report.compared for name in summary.conditions]
    conditions = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    return [overview(report, conditions), *(condition_table(report, name) for name in conditions), *aligned]


def run_table(summary: Summary, languages: Sequence[str]) -> Table:
    """Languages by conditions, with macro-F1 and the accuracy of the majority class where the run reports them."""
    languages = [name for name in languages if name in summary.languages]
    # The first condition is the clean one, unless the run only has attacked predictions.
    counts = next(iter(summary.conditions.values()))
    columns: list[tuple[str, list[Cell], str]] = []
    names: list[str] = [*languages, *(name for name in AVERAGES if name in counts)]
    numbers = {name: counts[name].examples for name in languages if name in counts}
    columns.append(("n", [f"{numbers[name]:,}" if name in numbers else "" for name in names], ""))
    intents = [summary.intents(name) for name in names]
    if any(number is not None for number in intents):
        columns.append(("intents", ["" if number is None else str(number) for number in intents], ""))
    for condition, intervals in summary.conditions.items():
        note = "" if condition == CLEAN else _note(intervals, languages)
        columns.append((condition, _cells(intervals, names, before=summary.before.get(condition)), note))
    for title, metric in (("F1", "f1"), ("majority", "majority")):
        figures = [summary.run.figure(f"{summary.split}/{metric}/{name}") for name in names]
        if any(figure is not None for figure in figures):
            columns.append((title, ["" if figure is None else percent(figure) for figure in figures], ""))
    rows = [[_ROW_NAMES.get(name, name), *(cells[i] for _, cells, _ in columns)] for i, name in enumerate(names)]
    if "avg" in summary.shared:
        labels = f"avg, {summary.shared_labels} shared labels"
        cells = [Estimate(summary.shared["avg"]) if title == CLEAN else "" for title, _, _ in columns]
        rows.insert(len(rows) - ("transfer_gap" in names), [labels, *cells])
    title = titled(f"{summary.run.name}: accuracy in %, {summary.split}", summary.conditions.keys() != {CLEAN})
    header = [("language", ""), *((name, note) for name, _, note in columns)]
    return Table(title, header, rows[: len(languages)], rows[len(languages) :])


def condition_table(report: Report, condition: str) -> Table:
    """Languages by runs in one condition, with the difference of each later run to the first."""
    compared = _compared(report, condition)
    names = [*report.languages, *AVERAGES]
    columns: list[tuple[str, list[Cell], str]] = []
    for summary in report.compared:
        if intervals := summary.conditions.get(condition):
            cells = _cells(intervals, names, before=summary.before.get(condition))
            columns.append((summary.run.name, cells, _note(intervals, report.languages)))
        if intervals := compared.get(summary.run.name):
            cells = _cells(intervals, names, signed=True)
            columns.append(("difference", cells, f"to {report.summaries[0].run.name}"))
    rows: list[list[Cell]] = [
        [_ROW_NAMES.get(name, name), *(cells[i] for _, cells, _ in columns)] for i, name in enumerate(names)
    ]
    kept = [row for row in rows if any(cell != "" for cell in row[1:])]
    below = sum(row[0] in _ROW_NAMES.values() for row in kept)
    header = [("language", ""), *((name, note) for name, _, note in columns)]
    title = titled(f"{condition}: accuracy in %, {report.split}", condition != CLEAN)
    return Table(title, header, kept[: len(kept) - below], kept[len(kept) - below :])


def overview(report: Report, conditions: Sequence[str]) -> Table:
    """Runs by conditions: averages over the targets, each with the difference to the first run."""
    # Runs of one split that holds the source only (test_seen) have no targets to average.
    average = "avg" if any("avg" in c for s in report.compared for c in s.conditions.values()) else "avg_all"
    rows: list[list[Cell]] = [[summary.run.name] for summary in report.summaries]
    header = [("run", "")]
    passes = [(summary.run.results.get("passes") or {}).get("plain_passes") for summary in report.summaries]
    if any(passes):
        header.append(("passes", "as plain"))
        rows = [[*row, f"{own:.2f}" if own else ""] for row, own in zip(rows, passes, strict=True)]
    for condition in conditions:
        compared = _compared(report, condition)
        counts = next(own.conditions[condition] for own in report.compared if condition in own.conditions)
        header.append((condition, _note(counts, report.languages)))
        if compared:
            header.append(("difference", f"to {report.summaries[0].run.name}"))
        for row, summary in zip(rows, report.compared, strict=True):
            row += _cells(summary.conditions.get(condition, {}), [average], before=summary.before.get(condition))
            if compared:
                row += _cells(compared.get(summary.run.name, {}), [average], signed=True)
    return Table(
        titled(f"{_ROW_NAMES[average]}: accuracy in %, {report.split}", any(name != CLEAN for name in conditions)),
        header,
        rows,
    )


def _compared(report: Report, condition: str) -> dict[str, dict[str, Interval]]:
    """The differences to the first run in one condition, by run."""
    return {own.name: own.conditions[condition] for own in report.comparisons if condition in own.conditions}


def titled(title: str, attacked: bool) -> str:
    """A table's title; of attacked texts, it says what stands on both sides of the arrow."""
    return title + (f"; {BEFORE}" if attacked else "")


def _cells(
    intervals: Mapping[str, Interval],
    names: Sequence[str],
    signed: bool = False,
    before: Mapping[str, Interval] | None = None,
) -> list[Cell]:
    originals = before or {}
    return [
        Estimate(intervals[name], signed, originals[name].value if name in originals else None)
        if name in intervals
        else ""
        for name in names
    ]


def _note(intervals: Mapping[str, Interval], languages: Sequence[str]) -> str:
    """How many examples a language a column is of, and of how many languages, where it lacks some."""
    there = [name for name in languages if name in intervals]
    count = count_range([intervals[name].examples for name in there])
    return count if len(there) == len(languages) else f"{count}; {len(there)} of {len(languages)} languages"
