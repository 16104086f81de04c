"""The figures of a report in tidy form: one row per number, shares as fractions of 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.attack_costs import refusals
from xltrobust.report.conditions import CLEAN
from xltrobust.report.summary import Report, Summary

# What spreadsheets take for the start of a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

COLUMNS = ["run", "split", "language", "condition", "metric", "value", "low", "high", "n"]


def to_frame(report: Report) -> pd.DataFrame:
    """All figures, unrounded: columns run, split, language, condition, metric, value, low, high, n.

    ``language`` may also be ``avg`` (targets) or ``avg_all``; ``low`` and ``high`` are the 95 % interval. Metrics:

    - ``accuracy``, ``transfer_gap``, ``accuracy_shared`` (on labels that all languages have), and without intervals
      ``f1`` and ``majority``;
    - of an attack (the ``condition``): ``accuracy_before``, clean accuracy on the examples that it attacked;
    - of several runs: ``accuracy_common`` and ``accuracy_before_common``, on the examples that all runs have, and
      ``accuracy_difference`` and ``transfer_gap_difference``, the run minus the report's first run, paired on these;
    - costs of an attack: ``attacked`` (examples that were right before it), ``attack_success`` (the share of these that
      it broke; ``n`` counts the attacked), the means that :class:`~xltrobust.report.attack_costs.Costs` describes, and,
      in the language ``all``, ``refused:NAME`` (the number of sets of edits that this constraint refused).
    """
    rows: list[list[object]] = []
    for summary in report.summaries:
        rows += _summary_rows(summary)
    for summary in report.common:
        place = [summary.run.name, summary.split]
        for metric, found in (
            ("accuracy_common", summary.conditions),
            ("accuracy_before_common", summary.clean_on_attacked),
        ):
            for condition, intervals in found.items():
                rows += [[*place, *row] for row in _interval_rows(intervals, condition, metric)]
    for comparison in report.comparisons:
        for condition, intervals in comparison.conditions.items():
            changes = _interval_rows(intervals, condition, "accuracy", suffix="_difference")
            rows += [[comparison.name, report.split, *row] for row in changes]
    return pd.DataFrame(rows, columns=COLUMNS)


def to_csv(frame: pd.DataFrame) -> str:
    """The figures as CSV that is safe in spreadsheets: a ``'`` is put before texts that would start a formula.

    >>> print(to_csv(pd.DataFrame({"run": ["=1+1", "a=b"], "value": [-1.0, 2.0]})), end="")
    run,value
    '=1+1,-1.0
    a=b,2.0
    """
    return frame.map(_plain).to_csv(index=False, lineterminator="\n")


def _plain(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    # The writer does not quote a carriage return, which begins a row, and with it a cell, for many readers.
    return ("'" * cell.startswith(_FORMULA) + cell).replace("\r", " ")


def _summary_rows(summary: Summary) -> Iterator[list[object]]:
    place = [summary.run.name, summary.split]
    for condition, intervals in summary.conditions.items():
        yield from ([*place, *row] for row in _interval_rows(intervals, condition, "accuracy"))
    for condition, intervals in summary.clean_on_attacked.items():
        yield from ([*place, *row] for row in _interval_rows(intervals, condition, "accuracy_before"))
    yield from ([*place, *row] for row in _interval_rows(summary.shared, CLEAN, "accuracy_shared"))
    clean = summary.conditions.get(CLEAN, {})
    for metric in ("f1", "majority"):
        for name in clean:
            figure = summary.run.figure(f"{summary.split}/{metric}/{name}")
            if figure is not None:
                yield [*place, name, CLEAN, metric, figure, None, None, clean[name].examples]
    for attack in summary.costs:
        yield from ([*place, *row] for row in _cost_rows(summary, attack))


def _cost_rows(summary: Summary, attack: str) -> Iterator[list[object]]:
    for name, costs in summary.costs[attack].items():
        if name != "avg":
            yield [name, attack, "attacked", costs.attacked, None, None, summary.conditions[attack][name].examples]
        if costs.success:
            yield from _interval_rows({name: costs.success}, attack, "attack_success")
        for metric, mean in costs.means.items():
            yield [name, attack, metric, mean.value, None, None, mean.examples]
    for constraint, number in refusals(summary.run.results, attack).items():
        yield ["all", attack, f"refused:{constraint}", number, None, None, None]


def _interval_rows(
    intervals: Mapping[str, Interval], condition: str, metric: str, suffix: str = ""
) -> Iterator[list[object]]:
    for name, (value, low, high, examples, _) in intervals.items():
        if name != "transfer_gap":
            yield [name, condition, metric + suffix, value, low, high, examples]
        elif metric == "accuracy":
            yield ["avg", condition, name + suffix, value, low, high, examples]
