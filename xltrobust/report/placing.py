"""Where one run lies among the runs of other seeds."""

from __future__ import annotations

from pathlib import Path

from xltrobust.errors import UserError
from xltrobust.report.conditions import CLEAN, averaged, condition_rows, places, target_average
from xltrobust.report.methods import read_method
from xltrobust.report.over_seeds import interval_parts
from xltrobust.report.pairing import with_content
from xltrobust.report.tables.base import percent
from xltrobust.runs.finished import load_run


def placed(run: Path, others: Path, split: str) -> list[str]:
    """One line a condition: a run's average over the targets, and those of the runs in a folder.

    The range in which more runs are expected is Student's 95 % prediction interval.

    Args:
        run: the folder of a finished run.
        others: the folder of the other runs, one a seed.
        split: the test split.

    Raises:
        UserError: if a run is missing or damaged, if there are fewer than two others, or if none of their conditions
            has the same test examples.
    """
    method, own = read_method(others, split), load_run(run)
    if len(method.runs) < 2:
        raise UserError(f"{others}: there is one run; a spread takes at least two.")
    rows = with_content(condition_rows(own, split))
    lines = []
    for condition in method.conditions:
        parts = interval_parts(method, condition)
        if parts is None or condition not in rows or not averaged(rows, condition):
            continue
        ours = rows[condition]
        if set(places(ours)) != set(places(next(iter(method.frames(condition).values())))):
            continue  # other examples: the two averages would say nothing of each other
        if (value := target_average(ours, method.source)) is None:
            continue
        mean, margin = parts.examples.value, parts.of_one_more_seed or 0.0
        within = "this one is among them" if abs(value - mean) <= margin else "THIS ONE IS OUTSIDE"
        lines.append(
            f"{'clean' if condition == CLEAN else f'under {condition}'}, mean of the targets: {percent(value)} %. "
            f"{len(parts.seeds)} runs of other seeds: {percent(mean)} % on average, {percent(min(parts.seeds))} to "
            f"{percent(max(parts.seeds))}; 19 of 20 more are expected at {percent(mean - margin)} to "
            f"{percent(mean + margin)} %: {within}."
        )
    if not lines:
        raise UserError(f"{run} and {others} have no condition with the same test examples.")
    return lines
