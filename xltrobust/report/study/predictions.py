"""What is read from runs' predictions beside right and wrong: at which budgets they broke, and some broken texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xltrobust.report.blocks import Block, Chart, Examples, Prose
from xltrobust.report.budget_curve import BudgetCurve, budget_curves
from xltrobust.report.examples import AttackedExample, attacked_examples
from xltrobust.report.page.charts import altair, rows_of
from xltrobust.report.palette import Palette
from xltrobust.report.study.load import StudyReport
from xltrobust.report.summary import Summary
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.runs.finished import load_run

_SHOWN = 30  # attacked examples of each arm's first run


@dataclass
class Found:
    """What runs' predictions hold.

    Args:
        curves: of each run, by attack and then by cell.
        examples: of each cell's first run.
    """

    curves: dict[str, dict[str, list[BudgetCurve]]] = field(default_factory=dict)
    examples: dict[str, list[AttackedExample]] = field(default_factory=dict)


def read_predictions(report: StudyReport) -> Found:
    """Reads the predictions of one run after the other."""
    found = Found()
    for cell, runs in report.runs.items():
        for at, each in enumerate(runs):
            run = load_run(each.path)
            there = set(run.predictions.loc[run.predictions["split"] == report.split, "language"])
            languages = [name for name in run.results["languages"] if name in there]
            summary = Summary(run, report.split, languages, {})
            if at == 0:
                found.examples[cell] = attacked_examples(summary, _SHOWN)
            for attack, curve in budget_curves(summary).items():
                if "avg" in curve.accuracy:
                    found.curves.setdefault(attack, {}).setdefault(cell, []).append(curve)
    return found


def budgets(found: Found) -> Iterator[Block]:
    """Accuracy, mean over targets and runs, by the passes an attack may spend on an example."""
    table: list[list[Cell]] = []
    for at, (attack, by_cell) in enumerate(found.curves.items()):
        most = max(curve.budgets[-1] for curves in by_cell.values() for curve in curves)
        if most <= 1:
            continue
        grid = np.unique(np.round(np.geomspace(1, most, 25)))
        means = {cell: np.mean([_at(curve, grid) for curve in curves], axis=0) for cell, curves in by_cell.items()}
        seen = "; ".join(f"{cell}: {percent(own[0])} % to {percent(own[-1])} %" for cell, own in means.items())
        yield _chart(attack, grid, means, f"From 1 to {most:.0f} passes. {seen}", f"budget-{at}.png")
        few = [int(np.abs(grid - budget).argmin()) for budget in np.geomspace(1, most, 5)]
        table += [
            [cell, attack, *(f"{percent(own[place])} (≤ {grid[place]:.0f})" for place in few)]
            for cell, own in means.items()
        ]
    if table:
        columns = [("arm", ""), ("attack", ""), ("unattacked", ""), *((f"budget {at}", "passes") for at in range(2, 6))]
        yield Table("Accuracy in % by budget (passes for one example)", columns, table)


def examples(found: Found) -> Iterator[Block]:
    """Texts that were right and are wrong when attacked, of each arm's first run."""
    for cell, own in found.examples.items():
        if own:
            yield Prose("", f"{cell}:")
            yield Examples(own)


def _at(curve: BudgetCurve, grid: Any) -> Any:
    places = np.clip(np.searchsorted(curve.budgets, grid, side="right") - 1, 0, None)
    return curve.accuracy["avg"][places]


def _chart(attack: str, grid: Any, means: dict[str, Any], seen: str, file: str) -> Chart:
    rows = [
        {"arm": cell, "x": float(budget), "y": 100 * float(value)}
        for cell, own in means.items()
        for budget, value in zip(grid, own, strict=True)
    ]

    def draw(width: int, palette: Palette) -> Any:
        alt = altair()
        arms = list(means)
        colors = [palette.many[at % len(palette.many)] for at in range(len(arms))]
        dashes = [[[1, 0], [6, 3], [2, 2]][at // len(palette.many) % 3] for at in range(len(arms))]
        drawn = alt.Chart(rows_of(*rows)).mark_line(interpolate="step-after").encode(
            x=alt.X("x:Q", title="passes for one example", scale=alt.Scale(type="log", nice=False)),
            y=alt.Y("y:Q", title="accuracy, %", scale=alt.Scale(zero=False)),
            color=alt.Color("arm:N", sort=arms, title=None, scale=alt.Scale(domain=arms, range=colors)),
            strokeDash=alt.StrokeDash("arm:N", sort=arms, title=None, scale=alt.Scale(domain=arms, range=dashes)),
        )  # fmt: skip
        return drawn.properties(width=width, height=260)

    return Chart(f"{attack}: accuracy by budget, mean of the target languages", seen, file, draw)
