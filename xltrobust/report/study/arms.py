"""What the arms of a study were: steps, examples, pairs, passes, weights of terms, weights tested."""

from __future__ import annotations

from xltrobust.report.about import gradient_shares, weights_tested
from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import Cell, Table
from xltrobust.report.tables.methods import training_costs


def arms_table(report: StudyReport) -> Table:
    """A row for each cell: means over its runs, and what its first run says in words; columns that none fills go."""
    costs = {cell: training_costs([run.results for run in runs]) for cell, runs in report.runs.items()}
    rows: list[list[Cell]] = []
    for cell, runs in report.runs.items():
        first = runs[0].results
        told = [gradient_shares(first.get("gradient_shares") or {}), weights_tested(first.get("checkpoint") or {})]
        rows.append([cell, str(len(runs)), *costs[cell].values(), *told])
    columns = [("arm", ""), ("runs", ""), *((name, "mean") for name in next(iter(costs.values())))]
    columns += [("gradient share", "first run"), ("weights tested", "first run")]
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    return Table("What the arms differ in", [columns[at] for at in kept], [[row[at] for at in kept] for row in rows])
