"""Tables of how well translations are aligned, before training and in the test, for runs that measured it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from xltrobust.report.over_seeds import MethodComparison
from xltrobust.report.summary import Report
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.runs.finished import Run

# Name in results, title, whether it is a fraction. The two estimators of CKA never share a column: on unrelated
# vectors the debiased one is about 0, while the biased one depends on the dimension and the number of pairs.
_FIGURES = (
    ("retrieval", "retrieval", True),
    ("retrieval_back", "back", True),
    ("word_retrieval", "words", True),
    ("word_retrieval_back", "words back", True),
    ("margin", "margin", False),
    ("hubness", "hubness", False),
    ("cka_debiased", "CKA, debiased", False),
    ("cka", "CKA, biased", False),
)
_TITLE = "Alignment of held-out translations: retrieval in %"


def alignment_tables(report: Report) -> list[Table]:
    """For one run, its languages; for several, their means over languages; empty if none measured alignment."""
    runs = [summary.run for summary in report.summaries]
    measured = [run for run in runs if run.figure("test/retrieval/avg") is not None]
    if not measured:
        return []
    if len(runs) > 1:
        header = [("run", ""), *((title, "avg") for _, title, _ in _FIGURES)]
        rows: list[list[Cell]] = [[run.name, *_cells([run], "avg")] for run in measured]
        return [_filled(Table(_TITLE, header, rows, _at_start(measured, "avg")))]
    (run,) = measured
    names = [*languages(run), "avg"]
    header = [("language", ""), *((title, "before → after") for _, title, _ in _FIGURES)]
    both = [
        [
            " → ".join(filter(None, cells))
            for cells in zip(_cells([run], name, "start"), _cells([run], name), strict=True)
        ]
        for name in names
    ]
    rows = [[name, *cells] for name, cells in zip(names, both, strict=True)]
    return [_filled(Table(_TITLE, header, rows[:-1], rows[-1:]))]


def alignment_by_method(comparison: MethodComparison) -> list[Table]:
    """Two tables, methods by figures and languages by methods: means over seeds, with the lowest and highest seed."""
    measured = {
        method.name: [run for run in method.runs.values() if run.figure("test/retrieval/avg") is not None]
        for method in comparison.methods
    }
    measured = {name: runs for name, runs in measured.items() if runs}
    if not measured:
        return []
    first = next(iter(measured.values()))
    rows: list[list[Cell]] = [[name, *_cells(runs, "avg")] for name, runs in measured.items()]
    everything = [run for runs in measured.values() for run in runs]
    header = [("method", ""), *((title, "avg") for _, title, _ in _FIGURES)]
    found = [_filled(Table(f"{_TITLE}; (lowest to highest seed)", header, rows, _at_start(everything, "avg")))]
    columns = [("language", ""), ("before training", ""), *((name, "") for name in measured)]
    by_language: list[list[Cell]] = []
    for language in languages(first[0]):
        start = [row[1] for row in _at_start(everything, language)] or [""]
        by_language.append([language, *start, *(_cells(runs, language)[0] for runs in measured.values())])
    return [*found, Table("Sentence retrieval, held-out pairs, in %; (lowest to highest seed)", columns, by_language)]


def _filled(table: Table) -> Table:
    """The table without the columns that no run measured."""
    kept = [i for i in range(len(table.columns)) if any(row[i] != "" for row in [*table.rows, *table.summary])]
    rows, summary = ([[row[i] for i in kept] for row in part] for part in (table.rows, table.summary))
    return Table(table.title, [table.columns[i] for i in kept], rows, summary)


def _at_start(runs: Sequence[Run], language: str) -> list[list[Cell]]:
    """The row for the state before training, if all runs started alike: with the same encoder, corpus and pooling."""
    starts = {tuple(cells) for run in runs if any(cells := _cells([run], language, "start"))}
    return [["before training", *starts.pop()]] if len(starts) == 1 else []


def languages(run: Run) -> list[str]:
    """The languages with measured alignment, in the run's order."""
    prefix = "test/retrieval/"
    named = [name.removeprefix(prefix) for name in run.results["figures"] if name.startswith(prefix)]
    order = {name: place for place, name in enumerate(run.results["languages"])}
    return sorted((name for name in named if name != "avg"), key=lambda name: (order.get(name, len(order)), name))


def _cells(runs: Sequence[Run], language: str, stage: str = "test") -> list[str]:
    cells = []
    for figure, _, share in _FIGURES:
        values = [value for run in runs if (value := run.figure(f"{stage}/{figure}/{language}")) is not None]
        if not values:
            cells.append("")
            continue
        mean, low, high = (_shown(value, share) for value in (statistics.mean(values), min(values), max(values)))
        cells.append(mean if low == high else f"{mean} ({low} to {high})")
    return cells


def _shown(value: float, share: bool) -> str:
    return percent(value) if share else f"{value:.2f}".replace("-", "−")
