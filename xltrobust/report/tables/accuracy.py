"""Tables of accuracies: of one run, and of several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.conditions import CLEAN
from xltrobust.report.summary import AVERAGES, Report, Summary
from xltrobust.report.tables.base import Cell, Estimate, Table, count_range, percent

ARROW = "attacked: clean accuracy on the same examples → under attack"
_SHARED = ", on the examples and languages that all runs share"
_ROW_NAMES = {"avg": "avg (targets)", "avg_all": "avg (all)", "transfer_gap": "transfer gap"}


def accuracy_tables(report: Report) -> list[Table]:
    """One table for one run; for several, an overview and a table for each condition that at least two runs have."""
    if report.single:
        return [run_table(report.summaries[0], report.languages)]
    found = [name for summary in report.compared for name in summary.conditions]
    conditions = [name for name in dict.fromkeys(found) if found.count(name) > 1]
    return [overview(report, conditions), *(condition_table(report, name) for name in conditions)]


def run_table(summary: Summary, languages: Sequence[str]) -> Table:
    """Languages by conditions, with macro-F1 and the accuracy of the most frequent label if the run reports them."""
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
        columns.append((condition, _cells(intervals, names, clean=summary.clean_on_attacked.get(condition)), note))
    for title, metric in (("F1", "f1"), ("majority", "majority")):
        figures = [summary.run.figure(f"{summary.split}/{metric}/{name}") for name in names]
        if any(figure is not None for figure in figures):
            columns.append((title, ["" if figure is None else percent(figure) for figure in figures], ""))
    rows = [[_ROW_NAMES.get(name, name), *(cells[i] for _, cells, _ in columns)] for i, name in enumerate(names)]
    if "avg" in summary.shared:
        labels = f"avg, {summary.shared_labels} shared labels"
        cells = [Estimate(summary.shared["avg"]) if title == CLEAN else "" for title, _, _ in columns]
        rows.insert(len(rows) - ("transfer_gap" in names), [labels, *cells])
    title = f"{summary.run.name}: accuracy in %, {summary.split}"
    if any(len(languages) > sum(name in intervals for name in languages) for intervals in summary.conditions.values()):
        title += ", averages over the languages of each column"
    title = titled(title, summary.conditions.keys() != {CLEAN})
    header = [("language", ""), *((name, note) for name, _, note in columns)]
    return Table(title, header, rows[: len(languages)], rows[len(languages) :])


def condition_table(report: Report, condition: str) -> Table:
    """Languages by runs in one condition, with the difference between each later run and the first."""
    compared = _compared(report, condition)
    names = [*report.languages, *AVERAGES]
    columns: list[tuple[str, list[Cell], str]] = []
    for summary in report.compared:
        if intervals := summary.conditions.get(condition):
            cells = _cells(intervals, names, clean=summary.clean_on_attacked.get(condition))
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
    title = titled(f"{condition}: accuracy in %, {report.split}{_SHARED}", condition != CLEAN)
    return Table(title, header, kept[: len(kept) - below], kept[len(kept) - below :])


def overview(report: Report, conditions: Sequence[str]) -> Table:
    """Runs by conditions: averages over the targets, each with its difference to the first run."""
    # Runs of one split that holds the source only (test_seen) have no targets to average.
    average = "avg" if any("avg" in c for s in report.compared for c in s.conditions.values()) else "avg_all"
    rows: list[list[Cell]] = [[summary.run.name] for summary in report.summaries]
    header = [("run", "")]
    passes = [(summary.run.results.get("passes") or {}).get("plain_passes") for summary in report.summaries]
    if any(passes):
        header.append(("passes", "as plain"))
        rows = [[*row, f"{value:.2f}" if value else ""] for row, value in zip(rows, passes, strict=True)]
    for condition in conditions:
        compared = _compared(report, condition)
        counts = next(summary.conditions[condition] for summary in report.compared if condition in summary.conditions)
        header.append((condition, _note(counts, report.languages)))
        if compared:
            header.append(("difference", f"to {report.summaries[0].run.name}"))
        for row, summary in zip(rows, report.compared, strict=True):
            row += _cells(
                summary.conditions.get(condition, {}), [average], clean=summary.clean_on_attacked.get(condition)
            )
            if compared:
                row += _cells(compared.get(summary.run.name, {}), [average], signed=True)
    title = f"{_ROW_NAMES[average]}: accuracy in %, {report.split}{_SHARED}"
    return Table(titled(title, any(name != CLEAN for name in conditions)), header, rows)


def _compared(report: Report, condition: str) -> dict[str, dict[str, Interval]]:
    """The differences to the first run in one condition, by run."""
    found = {comparison.name: comparison.conditions.get(condition) for comparison in report.comparisons}
    return {name: intervals for name, intervals in found.items() if intervals is not None}


def titled(title: str, attacked: bool) -> str:
    """A table's title; if there are attacked texts, with what the two sides of the arrow are."""
    return title + (f"; {ARROW}" if attacked else "")


def _cells(
    intervals: Mapping[str, Interval],
    names: Sequence[str],
    signed: bool = False,
    clean: Mapping[str, Interval] | None = None,
) -> list[Cell]:
    clean = clean or {}
    return [
        Estimate(intervals[name], signed, clean[name].value if name in clean else None) if name in intervals else ""
        for name in names
    ]


def _note(intervals: Mapping[str, Interval], languages: Sequence[str]) -> str:
    """The number of examples per language in a column, and of languages if some are missing."""
    there = [name for name in languages if name in intervals]
    count = count_range([intervals[name].examples for name in there])
    return count if len(there) == len(languages) else f"{count}; {len(there)} of {len(languages)} languages"
