"""Tables of methods over seeds: averages, languages, and every single run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from xltrobust.report.conditions import CLEAN, target_average
from xltrobust.report.methods import Method
from xltrobust.report.over_seeds import MethodComparison, interval_parts
from xltrobust.report.tables.accuracy import titled
from xltrobust.report.tables.base import Cell, Estimate, Table, count_range, percent

_SHARED = ", on the examples and languages that all methods share"


def methods_overview(comparison: MethodComparison) -> list[Table]:
    """Methods by conditions: averages over the targets, each with the difference to the first method."""
    baseline, conditions = comparison.baseline, comparison.conditions
    costs = [training_costs([run.results for run in method.runs.values()]) for method in comparison.methods]
    shown = [name for name in costs[0] if name == "passes" or any(own[name] for own in costs)]
    header = [("method", ""), ("seeds", ""), *((name, "a run") for name in shown)]
    for condition in conditions:
        counts = _counts(comparison.methods, condition)
        header += [(condition, f"avg (targets), {counts}"), ("difference", f"to {baseline.name}")]
    rows: list[list[Cell]] = []
    for method, cost in zip(comparison.methods, costs, strict=True):
        row: list[Cell] = [method.name, str(len(method.runs)), *(cost[name] for name in shown)]
        for condition in conditions:
            row.append(_accuracies(comparison, method, condition).get("avg", ""))
            row.append(_differences(comparison, method, condition).get("avg", ""))
        rows.append(row)
    attacked = any(name != CLEAN for name in conditions)
    return [Table(titled(f"Accuracy in %, means over seeds and target languages{_SHARED}", attacked), header, rows)]


def interval_tables(comparison: MethodComparison) -> list[Table]:
    """Averages over the targets, and how much of their intervals is due to test examples and how much to seeds."""
    rows: list[list[Cell]] = []
    for method in comparison.methods:
        for condition in comparison.conditions:
            if condition not in method.conditions:
                continue
            parts = interval_parts(method, condition, comparison.baseline.source)
            if parts is None or parts.deviation is None:
                continue
            halves = (parts.deviation, parts.of_examples, parts.of_seeds or 0.0)
            rows.append([method.name, condition, Estimate(parts.both), *(percent(value) for value in halves)])
    if not rows:
        return []
    header = [
        ("method", ""), ("condition", ""), ("avg (targets)", "with both parts"), ("seeds", "standard deviation"),
        ("± test examples", "half of 95 %"), ("± seeds", "half of 95 %"),
    ]  # fmt: skip
    return [Table("Parts of the intervals, in points", header, rows)]


def condition_tables(comparison: MethodComparison) -> list[Table]:
    """Languages by methods for each condition: accuracies of the first, and the differences of the others to it."""
    baseline, others = comparison.baseline, comparison.methods[1:]
    tables = []
    for condition in comparison.conditions:
        first = _accuracies(comparison, baseline, condition)
        differences = [_differences(comparison, method, condition) for method in others]
        names = next(found for method in comparison.methods if (found := _accuracies(comparison, method, condition)))
        counts = _counts(comparison.methods, condition)
        columns = [("language", ""), (baseline.name, counts), *((method.name, "difference") for method in others)]
        rows: list[list[Cell]] = [
            [name, first.get(name, ""), *(cells.get(name, "") for cells in differences)] for name in names
        ]
        tables.append(
            Table(titled(f"{condition}: accuracy in % and differences{_SHARED}", condition != CLEAN), columns, rows)
        )
    return tables


def every_run(comparison: MethodComparison) -> list[Table]:
    """The average over the targets of every single run."""
    conditions, source = comparison.conditions, comparison.baseline.source
    rows: list[list[Cell]] = []
    for method in comparison.methods:
        for seed, frames in method.rows.items():
            row: list[Cell] = [method.name, str(seed)]
            for condition in conditions:
                if condition not in method.conditions or not method.averaged(condition):
                    row.append("")
                    continue
                average = target_average(frames[condition], source)
                row.append("" if average is None else percent(average))
            rows.append([*row, str(method.runs[seed].results.get("commit") or "")[:7]])
    header = [("method", ""), ("seed", ""), *((condition, "avg (targets)") for condition in conditions), ("commit", "")]
    return [Table("Every run", header, rows)]


def training_costs(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a run's training cost, on average over those that say; blank where none does.

    Args:
        results: the content of each run's ``results.json``.
    """
    passes, pairs = ([own.get(name) or {} for own in results] for name in ("passes", "pairs"))
    columns: list[tuple[str, list[Any], str]] = [
        ("passes", [own.get("plain_passes") for own in passes], ".2f"),
        ("task steps", [own.get("task_steps") for own in passes], ",.0f"),
        ("task examples", [own.get("task_examples") for own in passes], ",.0f"),
        ("pairs visited", [own.get("visited") for own in pairs], ",.0f"),
        ("different pairs", [own.get("distinct") for own in pairs], ",.0f"),
    ]
    known = {name: [value for value in values if value is not None] for name, values, _ in columns}
    return {name: format(statistics.mean(known[name]), shape) if known[name] else "" for name, _, shape in columns}


def _accuracies(comparison: MethodComparison, method: Method, condition: str) -> dict[str, Cell]:
    clean = comparison.clean_on_attacked.get((method.name, condition), {})
    return {
        name: Estimate(interval, clean=clean[name].value if name in clean else None)
        for name, interval in comparison.accuracies.get((method.name, condition), {}).items()
    }


def _differences(comparison: MethodComparison, method: Method, condition: str) -> dict[str, Cell]:
    intervals = comparison.differences.get((method.name, condition), {})
    return {name: Estimate(interval, signed=True) for name, interval in intervals.items()}


def _counts(methods: Sequence[Method], condition: str) -> str:
    """How many examples a language the methods are compared on."""
    having = [method for method in methods if condition in method.conditions]
    frames = [frame for method in having for frame in method.frames(condition).values()]
    return count_range([int(count) for frame in frames for count in frame["language"].value_counts()])
