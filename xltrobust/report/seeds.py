"""``python -m xltrobust.report.seeds METHOD [METHOD …]``: Compare methods over seeds; each folder holds one run a seed.

The first method is what the others are compared with, run by run of equal seed. Intervals have two parts, put together
in quadrature (Zou & Donner 2008): what other test examples would change, by the cluster bootstrap of all seeds'
predictions together, and what other seeds would, by Student's t on the seeds' averages.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from xltrobust.errors import UserError, one_line_errors
from xltrobust.files import atomic_write
from xltrobust.metrics.bootstrap import Interval, bootstrap_accuracy, paired_difference
from xltrobust.report.alignment_tables import alignment_by_method
from xltrobust.report.load import Run, load_runs
from xltrobust.report.markdown import escape, table_to_markdown
from xltrobust.report.summary import combinations, condition_rows
from xltrobust.report.tables import Cell, Estimate, Table, percent


@dataclass(frozen=True)
class Method:
    """The runs of one method, by seed, and the predictions of each by condition."""

    name: str
    runs: dict[int, Run]
    rows: dict[int, dict[str, pd.DataFrame]]

    @property
    def source(self) -> str:
        """The language that was trained on."""
        return next(iter(self.runs.values())).results["source"]


def read_method(folder: Path, split: str) -> Method:
    """The finished runs below a folder.

    Raises:
        UserError: if there are none, or two of one seed.
    """
    found = sorted(path.parent for path in folder.glob("*/results.json"))
    if not found:
        raise UserError(f"{folder}: no finished run in it; expected one folder a seed with results.json.")
    runs: dict[int, Run] = {}
    for run in load_runs(found):
        if (seed := run.results["seed"]) in runs:
            raise UserError(f"{folder}: two runs of seed {seed}: {runs[seed].path.name} and {run.path.name}; keep one.")
        runs[seed] = run
    return Method(folder.name, runs, {seed: condition_rows(run, split) for seed, run in runs.items()})


def estimates(method: Method, condition: str) -> dict[str, Interval]:
    """Accuracies of a method under a condition, by language and average, over all its seeds."""
    frames = {seed: rows[condition] for seed, rows in method.rows.items()}
    stacked = _stacked(frames)
    averages = combinations(list(dict.fromkeys(stacked["language"])), method.source)
    pooled = bootstrap_accuracy(stacked["correct"], stacked["language"], stacked["group"], combinations=averages)
    by_seed = [_means(frame["correct"].groupby(frame["language"]).mean(), averages) for frame in frames.values()]
    found = {name: with_seeds(own, [means[name] for means in by_seed]) for name, own in pooled.items()}
    # No accuracy is below 0 or above 1, whatever Student says; a gap may be.
    return {
        name: own if name == "transfer_gap" else own._replace(low=max(0.0, own.low), high=min(1.0, own.high))
        for name, own in found.items()
    }


def differences(method: Method, baseline: Method, condition: str) -> dict[str, Interval]:
    """Accuracies of a method minus those of the baseline with the same seed, on the examples they have in common.

    Raises:
        UserError: if they have no seed in common.
    """
    seeds = sorted(method.runs.keys() & baseline.runs.keys())
    if not seeds:
        raise UserError(f"{method.name} and {baseline.name} have no seed in common: train both with the same seeds.")
    ours = {seed: method.rows[seed][condition] for seed in seeds}
    theirs = {seed: baseline.rows[seed][condition] for seed in seeds}
    averages = combinations(list(dict.fromkeys(ours[seeds[0]]["language"])), method.source)
    pooled = paired_difference(_stacked(ours), _stacked(theirs), combinations=averages).intervals
    by_seed = []
    for seed in seeds:
        both = ours[seed].merge(theirs[seed], on=["language", "id"], suffixes=("", "_baseline"))
        change = both["correct"].astype(int) - both["correct_baseline"].astype(int)
        by_seed.append(_means(change.groupby(both["language"]).mean(), averages))
    return {name: with_seeds(own, [means[name] for means in by_seed]) for name, own in pooled.items()}


def with_seeds(pooled: Interval, by_seed: Sequence[float], level: float = 0.95) -> Interval:
    """An interval over test examples, widened by the spread over seeds; unchanged with one seed, which shows none.

    >>> wide = with_seeds(Interval(0.5, 0.47, 0.53, 100, 20), [0.48, 0.5, 0.52])
    >>> round(wide.low, 3), round(wide.high, 3)  # t with 2 degrees of freedom: 4.303 · 0.02 / √3 = 0.0497
    (0.442, 0.558)
    """
    if len(by_seed) < 2:
        return pooled
    quantile = float(stats.t.ppf(0.5 + level / 2, len(by_seed) - 1))
    spread = quantile * statistics.stdev(by_seed) / math.sqrt(len(by_seed))
    low = pooled.value - math.hypot(pooled.value - pooled.low, spread)
    high = pooled.value + math.hypot(pooled.high - pooled.value, spread)
    return pooled._replace(low=low, high=high)


def seed_tables(methods: Sequence[Method]) -> list[Table]:
    """Methods by conditions; then languages by methods for each condition, as differences to the first."""
    baseline = methods[0]
    conditions = list(next(iter(baseline.rows.values())))
    own = {(m.name, c): estimates(m, c) for m in methods for c in conditions}
    change = {(m.name, c): differences(m, baseline, c) for m in methods[1:] for c in conditions}
    header = [("method", ""), ("seeds", ""), ("passes", "a run")]
    rows: list[list[Cell]] = []
    for method in methods:
        passes = [run.results.get("passes", {}).get("plain_passes") for run in method.runs.values()]
        known = [value for value in passes if value is not None]
        row: list[Cell] = [method.name, str(len(method.runs)), f"{statistics.mean(known):.2f}" if known else ""]
        for condition in conditions:
            row.append(Estimate(own[method.name, condition]["avg"]))
            row.append("" if method is baseline else Estimate(change[method.name, condition]["avg"], signed=True))
        rows.append(row)
    for condition in conditions:
        header += [(condition, "avg (targets)"), ("difference", f"to {baseline.name}")]
    found = [Table("Accuracy in %, means over seeds and target languages", header, rows)]
    for condition in conditions:
        names = list(own[baseline.name, condition])
        columns = [("language", ""), (baseline.name, ""), *((m.name, "difference") for m in methods[1:])]
        by_language: list[list[Cell]] = [
            [
                name,
                Estimate(own[baseline.name, condition][name]),
                *(Estimate(change[m.name, condition][name], signed=True) for m in methods[1:]),
            ]
            for name in names
        ]
        found.append(Table(f"{condition}: accuracy in % and differences", columns, by_language))
    aligned = alignment_by_method({method.name: list(method.runs.values()) for method in methods})
    return [*found, *aligned, _by_seed(methods, conditions)]


def _by_seed(methods: Sequence[Method], conditions: Sequence[str]) -> Table:
    """The average over targets of every single run."""
    rows: list[list[Cell]] = []
    for method in methods:
        for seed, frames in method.rows.items():
            row: list[Cell] = [method.name, str(seed)]
            for condition in conditions:
                frame = frames[condition]
                targets = frame[frame["language"] != method.source]
                row.append(percent(float(targets.groupby("language")["correct"].mean().mean())))
            rows.append([*row, str(method.runs[seed].results.get("commit") or "")[:7]])
    header = [("method", ""), ("seed", ""), *((condition, "avg (targets)") for condition in conditions), ("commit", "")]
    return Table("Every run", header, rows)


def _stacked(frames: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Predictions of all seeds; a group is one group in all of them, so that seeds add no examples."""
    return pd.concat([frame.assign(id=f"{seed}/" + frame["id"].astype(str)) for seed, frame in frames.items()])


def _means(values: pd.Series, averages: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means by language and average."""
    by_language = {str(name): float(value) for name, value in values.items()}
    return by_language | {
        name: sum(weight * by_language[language] for language, weight in weights.items())
        for name, weights in averages.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m xltrobust.report.seeds", description=__doc__.split(":", 1)[1])
    parser.add_argument("methods", nargs="+", type=Path, metavar="METHOD", help="folder with one run a seed")
    parser.add_argument("--output", type=Path, help="write the tables to this Markdown file")
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    given = parser.parse_args(arguments)
    with one_line_errors("report", OSError):
        found = seed_tables([read_method(folder, given.split) for folder in given.methods])
        text = "\n\n".join(f"## {escape(table.title)}\n\n{table_to_markdown(table)}" for table in found) + "\n"
        if given.output:
            with atomic_write(given.output) as temporary:
                temporary.write_text(text, encoding="utf8")
        print(text, end="")


if __name__ == "__main__":
    main()
