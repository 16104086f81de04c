"""Tables of what attacks achieve and cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xltrobust.report.attack_costs import SIDES, Costs, refusals
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.base import Cell, Estimate, Table, percent

_Titles = Mapping[str, tuple[str, Callable[[float], str]]]
# Of each mean: what tables call it, and how its values are written.
_MEANS: _Titles = {
    "queries": ("queries", "{:,.1f}".format),
    "backwards": ("backwards", "{:,.1f}".format),
    "words_changed": ("words changed", percent),
    "characters_changed": ("characters changed", percent),
    "similarity": ("similarity", "{:.3f}".format),
}
_SIDES: _Titles = {f"changed_{side}": (side, percent) for side in SIDES}
_UNKNOWN = "–"

# A row's label and source language, and the attack's costs by language.
_Row = tuple[str, str, dict[str, Costs]]


def cost_tables(report: Report) -> list[Table]:
    """For one run, a table of its attacks; for several, a table of the runs for each attack that at least two have."""
    if report.single:
        return run_cost_tables(report.summaries[0])
    found = [name for summary in report.common for name in summary.costs]
    tables = []
    for attack in (name for name in dict.fromkeys(found) if found.count(name) > 1):
        rows = [(s.run.name, s.source, s.costs[attack]) for s in report.common if attack in s.costs]
        tables.append(
            _table(
                f"What the attack {attack} costs: shares in %, {report.split}, on the examples that all runs share",
                "run",
                rows,
            )
        )
    return tables


def run_cost_tables(summary: Summary) -> list[Table]:
    """What the attacks of one run achieved and cost; empty without attacks."""
    if not summary.costs:
        return []
    return [
        _table(f"{summary.run.name}: what the attacks cost, shares in %, {summary.split}", "attack", _rows(summary))
    ]


def language_costs(report: Report, summary: Summary) -> list[Table]:
    """Success and queries of one run, languages by attacks; empty without attacks."""
    if not summary.costs:
        return []
    languages = [name for name in report.languages if name in summary.languages]
    columns: list[tuple[str, str, list[Cell]]] = []
    for attack, costs in summary.costs.items():
        by_row = [costs.get(name, Costs(0)) for name in (*languages, "avg")]
        columns.append((attack, "success", [Estimate(each.success) if each.success else "" for each in by_row]))
        if any("queries" in each.means for each in by_row):
            columns.append((attack, "queries", [_mean(each, "queries", "") for each in by_row]))
    rows = [[name, *(cells[i] for _, _, cells in columns)] for i, name in enumerate([*languages, "avg (targets)"])]
    header = [("language", ""), *((name, note) for name, note, _ in columns)]
    averages = rows[-1:] if any(cell != "" for cell in rows[-1][1:]) else []
    return [Table(f"{summary.run.name}: success in % and queries by language", header, rows[:-1], averages)]


def side_costs(report: Report, summary: Summary) -> list[Table]:
    """Which side of a text pair each attack changed, in percent of the broken examples; empty if not recorded."""
    rows = [row for row in _rows(summary) if any(name in costs.means for costs in row[2].values() for name in _SIDES)]
    if not rows:
        return []
    columns, note = _mean_columns(rows, _SIDES)
    cells: list[list[Cell]] = [[row[0], *(column[i] for _, column in columns)] for i, row in enumerate(rows)]
    header = [("attack", ""), *((name, note) for name, _ in columns)]
    return [Table(f"{summary.run.name}: sides changed, % of the broken examples", header, cells)]


def refusal_lines(summary: Summary) -> list[str]:
    """What the constraints of each attack refused, a line per attack; constraints that refused nothing are left out."""
    lines = []
    for attack in summary.costs:
        if refused := refusals(summary.run.results, attack):
            counts = ", ".join(f"{name} {number:,}" for name, number in refused.items())
            lines.append(f"{attack}: sets of edits refused by constraint: {counts}")
    return lines


def _rows(summary: Summary) -> list[_Row]:
    return [(attack, summary.source, costs) for attack, costs in summary.costs.items()]


def _table(title: str, label: str, rows: Sequence[_Row]) -> Table:
    columns: list[tuple[str, str, list[Cell]]] = []
    means, note = _mean_columns(rows, _MEANS)
    attacked = [[f"{costs.attacked:,}" if costs else _UNKNOWN for costs in _both(row)] for row in rows]
    columns.append(("attacked", note, _joined(attacked, note)))
    for i, whose in enumerate(("avg", "source")):
        success = [costs.success if costs else None for costs in (_both(row)[i] for row in rows)]
        if any(success):
            columns.append(("success", whose, [Estimate(interval) if interval else _UNKNOWN for interval in success]))
    columns += [(name, note, cells) for name, cells in means]
    cells = [[row[0], *(column[i] for _, _, column in columns)] for i, row in enumerate(rows)]
    return Table(title, [(label, ""), *((name, note) for name, note, _ in columns)], cells)


def _mean_columns(rows: Sequence[_Row], titles: _Titles) -> tuple[list[tuple[str, list[Cell]]], str]:
    """Columns of means that are known somewhere, and whose they are: of the targets (`avg`), the source, or both."""
    there = [any(_both(row)[i] for row in rows) for i in (0, 1)]
    note = " / ".join(whose for whose, known in zip(("avg", "source"), there, strict=True) if known)
    columns = []
    for name, (title, _) in titles.items():
        if any(costs and name in costs.means for row in rows for costs in _both(row)):
            cells = [[_mean(costs, name) if costs else _UNKNOWN for costs in _both(row)] for row in rows]
            columns.append((title, _joined(cells, note)))
    return columns, note


def _both(row: _Row) -> tuple[Costs | None, Costs | None]:
    """The costs over the targets, and those in the source."""
    return row[2].get("avg"), row[2].get(row[1])


def _joined(cells: Sequence[Sequence[str]], note: str) -> list[Cell]:
    kept = {"avg": slice(0, 1), "source": slice(1, 2)}.get(note, slice(0, 2))
    return [" / ".join(values[kept]) for values in cells]


def _mean(costs: Costs, name: str, unknown: str = _UNKNOWN) -> str:
    if name not in costs.means:
        return unknown
    return {**_MEANS, **_SIDES}[name][1](costs.means[name].value)
