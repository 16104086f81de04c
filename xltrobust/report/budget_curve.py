"""Accuracy under attack as a function of the attack's budget: as arrays, and as a picture with one panel per run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xltrobust.report.attack_costs import right_before
from xltrobust.report.conditions import attacks_of, condition_rows
from xltrobust.report.summary import Report, Summary
from xltrobust.report.visible import visible

_PANEL = (3.9, 2.7)  # inches
_GAP = 0.75
_IN_A_LINE = 3
_LEGEND_NAME = 28  # characters


@dataclass(frozen=True)
class BudgetCurve:
    """The accuracy that one attack would have left with smaller budgets.

    Args:
        budgets: passes for one example, forward and backward, shape (B,), ascending from 1 (the original only) to the
            most that the attack spent on any example.
        accuracy: by language and, under ``avg``, averaged over the targets: shape (B,), never rising.
    """

    budgets: NDArray[np.float64]
    accuracy: dict[str, NDArray[np.float64]]

    @property
    def falls(self) -> bool:
        """Whether the attack broke anything."""
        return any(values[-1] < values[0] for values in self.accuracy.values())


def budget_curve(rows: pd.DataFrame, languages: Sequence[str], source: str) -> BudgetCurve | None:
    """For every budget b, the share of all examples that are right before the attack and that b passes do not break.

    Args:
        rows: the attack's rows, as :func:`~xltrobust.runs.finished.load_run` reads them.
        languages: the languages to report; those that the attack does not cover are left out.
        source: the source language, which ``avg`` leaves out.

    Returns:
        The curve, with a point wherever a language's accuracy changes; None if the run did not record at which budget
        the examples were broken.
    """
    right = right_before(rows)
    broken = right & ~rows["correct"]
    if rows.empty or rows.loc[broken, "broken_at"].isna().any():
        return None
    spent = (rows["queries"] + rows["backwards"].fillna(0)).max()
    steps = rows.loc[broken, "broken_at"].to_numpy()
    budgets = np.unique(np.concatenate([[1.0], steps, [] if math.isnan(spent) else [max(1.0, spent)]]))
    accuracy = {}
    for name in languages:
        there = (rows["language"] == name).to_numpy()
        if there.any():
            broken_at = np.sort(rows.loc[broken & there, "broken_at"].to_numpy())
            lost = np.searchsorted(broken_at, budgets, side="right")
            accuracy[name] = (right[there].sum() - lost) / there.sum()
    if targets := [values for name, values in accuracy.items() if name != source]:
        accuracy["avg"] = np.mean(targets, axis=0)
    return BudgetCurve(budgets, accuracy)


def budget_curves(summary: Summary) -> dict[str, BudgetCurve]:
    """The curves of those of a run's attacks that recorded budgets, by attack."""
    found = {}
    for attack, rows in attacks_of(condition_rows(summary.run, summary.split)).items():
        curve = budget_curve(rows, summary.languages, summary.source)
        if curve is not None:
            found[attack] = curve
    return found


def has_curves(report: Report) -> bool:
    """Whether there is a curve to draw: of an attack that broke examples and recorded at which budgets."""
    return any(curve.falls for summary in report.summaries for curve in budget_curves(summary).values())


def draw_curves(report: Report, path: Path) -> None:
    """Draws a PNG with a line for each attack: the average of the targets, and the source dashed.

    Args:
        report: its runs are the panels; runs without a curve are left out.
        path: the file, which must end in ``.png``.

    Raises:
        ValueError: if no run has a curve.
    """
    # As for the heatmap: neither pyplot nor a display.
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    panels = [(summary, curves) for summary in report.summaries if (curves := budget_curves(summary))]
    if not panels:
        raise ValueError("Expected argument `report` to hold a run that recorded budgets, but got none.")
    attacks = list(dict.fromkeys(name for _, curves in panels for name in curves))
    palette = colormaps["tab10" if len(attacks) <= 10 else "tab20"].colors  # type: ignore[attr-defined]
    colors = {attack: palette[i % len(palette)] for i, attack in enumerate(attacks)}
    limits = _limits([curve for _, curves in panels for curve in curves.values()])

    names = [_fitted(visible(attack)) + _coverage(attack, panels) for attack in attacks]
    names += ["avg (targets)", "source"]
    styles: list[dict[str, Any]] = [{"color": colors[attack]} for attack in attacks]
    styles += [{"color": "0.4"}, {"color": "0.4", "linestyle": "--"}]
    columns = min(_IN_A_LINE, len(panels))
    lines = math.ceil(len(panels) / columns)
    top = 0.5 + 0.25 * (len(panels) > 1)
    legend_width = 0.65 + 0.08 * max(map(len, names))
    width = columns * (_PANEL[0] + _GAP) + legend_width
    height = max(top + lines * (_PANEL[1] + _GAP), 0.5 + 0.21 * len(names))
    figure = Figure(figsize=(width, height), dpi=150)
    FigureCanvasAgg(figure)
    title = f"{report.split}: accuracy under attack by budget"
    if len(report.summaries) == 1:
        title = f"{report.summaries[0].run.name}, {title}"
    figure.text(0.15 / width, 1 - 0.12 / height, visible(title), va="top", fontsize=11, parse_math=False)
    for i, (summary, curves) in enumerate(panels):
        left = _GAP + (i % columns) * (_PANEL[0] + _GAP)
        bottom = height - top - (i // columns) * (_PANEL[1] + _GAP) - _PANEL[1]
        place = (left / width, bottom / height, _PANEL[0] / width, _PANEL[1] / height)
        axes = figure.add_axes(place)
        for attack, curve in curves.items():
            for name, style in ((summary.source, "--"), ("avg", "-")):
                if name in curve.accuracy:
                    values = 100 * curve.accuracy[name]
                    line = {"color": colors[attack], "linestyle": style, "linewidth": 1.6 if style == "-" else 1.1}
                    axes.plot(curve.budgets, values, drawstyle="steps-post", clip_on=False, **line)
        _style(axes, *limits)
        if len(panels) > 1:
            name = _fitted(visible(summary.run.name), 44)
            axes.set_title(name, fontsize=10, fontweight="bold", parse_math=False)
    legend = figure.legend(
        [Line2D([], [], **style) for style in styles], [*map(str, range(len(names)))], loc="upper right",
        bbox_to_anchor=(1 - 0.1 / width, 1 - (top - 0.1) / height), fontsize=9, frameon=False, borderpad=0,
    )  # fmt: skip
    # Names are put in here, because matplotlib takes `_name` for an order to hide it, and `$` for mathematics.
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
    figure.savefig(path, format="png")


def _coverage(attack: str, panels: Sequence[tuple[Summary, dict[str, BudgetCurve]]]) -> str:
    """ " (3 of 9)" after the name of an attack that covers 3 of 9 targets; empty if it covers all."""
    counts = set()
    for summary, curves in panels:
        if attack in curves:
            targets = [name for name in summary.languages if name != summary.source]
            counts.add((sum(name in curves[attack].accuracy for name in targets), len(targets)))
    if all(covered in (0, known) for covered, known in counts):
        return ""
    return " ({} of {})".format(*counts.pop()) if len(counts) == 1 else " (unlike targets)"


def _limits(curves: Sequence[BudgetCurve]) -> tuple[float, float]:
    """The ends of both axes: the largest budget, and the accuracy in percent, rounded up."""
    highest = max(float(values[0]) for curve in curves for values in curve.accuracy.values())
    return max(2.0, *(float(curve.budgets[-1]) for curve in curves)), max(10.0, 10 * math.ceil(10 * highest))


def _style(axes: Any, budget: float, accuracy: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(1, budget)
    axes.set_ylim(0, accuracy)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if budget <= 1000 else (1,), numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(labelsize=9, length=3)
    axes.set_xlabel("passes for one example, forward and backward", fontsize=9)
    axes.set_ylabel("accuracy, %", fontsize=9)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _fitted(name: str, longest: int = _LEGEND_NAME) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
