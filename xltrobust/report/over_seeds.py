"""Accuracies of methods, and their differences, over seeds.

An interval combines two sources of variation in quadrature (Zou & Donner 2008): test examples, by a cluster bootstrap
of the predictions of all seeds together, and training seeds, by Student's t on the averages of the seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from xltrobust.errors import UserError
from xltrobust.metrics.bootstrap import Combinations, Interval, bootstrap_accuracy, paired_difference
from xltrobust.report.conditions import CLEAN, clean_of
from xltrobust.report.methods import Method, on_common_examples
from xltrobust.report.pairing import paired
from xltrobust.report.summary import combinations


@dataclass(frozen=True)
class MethodComparison:
    """Methods compared on the examples that all of them have, so that averages and differences are over the same ones.

    Args:
        methods: the first is the baseline of the others.
        conditions: those that any method has.
        accuracies: by (method, condition), then by language or average; only conditions that the method has.
        clean_on_attacked: clean accuracies on the attacked examples, in the same layout.
        differences: to the baseline, in the same layout; only conditions that both have.
        notes: what could not be compared, and what was left out.
    """

    methods: list[Method]
    conditions: list[str]
    accuracies: dict[tuple[str, str], dict[str, Interval]]
    clean_on_attacked: dict[tuple[str, str], dict[str, Interval]]
    differences: dict[tuple[str, str], dict[str, Interval]]
    notes: list[str]

    @property
    def baseline(self) -> Method:
        return self.methods[0]


@dataclass(frozen=True)
class IntervalParts:
    """An average over seeds, and where its uncertainty comes from.

    Args:
        examples: the mean over seeds, with the interval that other test examples make: seeds are taken as fixed.
        seeds: the average of each seed, on the same test examples.
    """

    examples: Interval
    seeds: tuple[float, ...]

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the seeds; None of a single one."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else None

    @property
    def of_examples(self) -> float:
        """Half the width of the interval over test examples."""
        return (self.examples.high - self.examples.low) / 2

    @property
    def of_seeds(self) -> float | None:
        """Half the width of Student's 95 % interval of the mean over seeds."""
        spread = self.deviation
        return None if spread is None else _student(self.seeds) * spread / math.sqrt(len(self.seeds))

    @property
    def of_one_more_seed(self) -> float | None:
        """Half the width of Student's 95 % prediction interval: where one more run of another seed is expected."""
        spread = self.deviation
        return None if spread is None else _student(self.seeds) * spread * math.sqrt(1 + 1 / len(self.seeds))

    @property
    def both(self) -> Interval:
        """The mean with the interval of both parts."""
        return with_seeds(self.examples, self.seeds)


def compare_methods(methods: Sequence[Method]) -> MethodComparison:
    """Computes the accuracies of methods and their differences to the first.

    Raises:
        UserError: if a method has no seed in common with the first.
    """
    methods, notes = on_common_examples(methods)
    baseline = methods[0]
    for method in methods[1:]:
        seeds = common_seeds(method, baseline)
        if not len(seeds) == len(method.runs) == len(baseline.runs):
            listed = ", ".join(map(str, seeds))
            notes.append(f"differences of {method.name} are only over seed {listed}, which {baseline.name} has too.")
    conditions = list(dict.fromkeys(name for method in methods for name in method.conditions))
    there = {(method.name, name): method for method in methods for name in conditions if name in method.conditions}
    accuracies, clean, changes = {}, {}, {}
    for (name, condition), method in there.items():
        accuracies[name, condition] = estimates(method, condition, baseline.source)
        clean[name, condition] = clean_estimates(method, condition, baseline.source)
        if method is not baseline and condition in baseline.conditions:
            changes[name, condition] = differences(method, baseline, condition)
    return MethodComparison(methods, conditions, accuracies, clean, changes, notes)


def estimates(method: Method, condition: str, source: str | None = None) -> dict[str, Interval]:
    """Accuracies of a method under a condition, by language and average, over all its seeds.

    Args:
        method: the method.
        condition: "clean", an attack, "robust" or "worst".
        source: the language that averages over targets leave out; by default the method's.
    """
    return _estimates(method.frames(condition), source or method.source, method.averaged(condition))


def clean_estimates(method: Method, condition: str, source: str | None = None) -> dict[str, Interval]:
    """Clean accuracies on the examples that were attacked; empty where a seed has no clean predictions of them all."""
    if condition == CLEAN or len(method.clean) < len(method.runs):
        return {}
    attacked = method.frames(condition)
    frames = {seed: clean_of(method.clean[seed], rows) for seed, rows in attacked.items()}
    if any(len(frames[seed]) < len(attacked[seed]) for seed in frames):
        return {}
    return _estimates(frames, source or method.source, method.averaged(condition))


def interval_parts(method: Method, condition: str, source: str | None = None) -> IntervalParts | None:
    """The parts of the interval of a method's average over the targets; None if a condition has no such average."""
    if not method.averaged(condition):
        return None
    pooled, by_seed = _by_source_of_variation(method.frames(condition), source or method.source, averages=True)
    if "avg" not in pooled:
        return None
    return IntervalParts(pooled["avg"], tuple(values["avg"] for values in by_seed))


def _by_source_of_variation(
    frames: Mapping[int, pd.DataFrame], source: str, averages: bool
) -> tuple[dict[str, Interval], list[dict[str, float]]]:
    """By language and average: intervals over test examples, of all seeds' predictions, and each seed's accuracies."""
    stacked = _stacked(frames)
    means = combinations(list(dict.fromkeys(stacked["language"])), source) if averages else {}
    pooled = bootstrap_accuracy(stacked["correct"], stacked["language"], stacked["group"], combinations=means)
    return pooled, [_means(frame["correct"].groupby(frame["language"]).mean(), means) for frame in frames.values()]


def _estimates(frames: Mapping[int, pd.DataFrame], source: str, averages: bool) -> dict[str, Interval]:
    pooled, by_seed = _by_source_of_variation(frames, source, averages)
    found = {name: with_seeds(interval, [values[name] for values in by_seed]) for name, interval in pooled.items()}
    # Student's t may leave the range of an accuracy; a gap may be negative.
    for name in found.keys() - {"transfer_gap"}:
        found[name] = found[name]._replace(low=max(0.0, found[name].low), high=min(1.0, found[name].high))
    return found


def differences(method: Method, baseline: Method, condition: str) -> dict[str, Interval]:
    """Accuracies of a method minus those of the baseline of the same seed, on the examples that both have.

    Raises:
        UserError: if they have no seed in common.
    """
    seeds = common_seeds(method, baseline)
    ours = {seed: method.rows[seed][condition] for seed in seeds}
    theirs = {seed: baseline.rows[seed][condition] for seed in seeds}
    averages: Combinations = {}
    if method.averaged(condition) and baseline.averaged(condition):
        averages = combinations(list(dict.fromkeys(ours[seeds[0]]["language"])), baseline.source)
    pooled = paired_difference(_stacked(ours), _stacked(theirs), combinations=averages).intervals
    by_seed = []
    for seed in seeds:
        both = paired(ours[seed], theirs[seed])
        change = both["correct"].astype(int) - both["correct_baseline"].astype(int)
        by_seed.append(_means(change.groupby(both["language"]).mean(), averages))
    return {name: with_seeds(interval, [means[name] for means in by_seed]) for name, interval in pooled.items()}


def common_seeds(method: Method, baseline: Method) -> list[int]:
    """The seeds for which both methods have a run, in ascending order.

    Raises:
        UserError: if there is none.
    """
    seeds = sorted(method.runs.keys() & baseline.runs.keys())
    if not seeds:
        raise UserError(f"{method.name} and {baseline.name} have no seed in common: train both with the same seeds.")
    return seeds


def with_seeds(pooled: Interval, by_seed: Sequence[float], level: float = 0.95) -> Interval:
    """Widens an interval over test examples by the spread over seeds; one seed leaves it unchanged.

    >>> wide = with_seeds(Interval(0.5, 0.47, 0.53, 100, 20), [0.48, 0.5, 0.52])
    >>> round(wide.low, 3), round(wide.high, 3)  # t with 2 degrees of freedom: 4.303 · 0.02 / √3 = 0.0497
    (0.442, 0.558)
    """
    if len(by_seed) < 2:
        return pooled
    spread = _student(by_seed, level) * statistics.stdev(by_seed) / math.sqrt(len(by_seed))
    low = pooled.value - math.hypot(pooled.value - pooled.low, spread)
    high = pooled.value + math.hypot(pooled.high - pooled.value, spread)
    return pooled._replace(low=low, high=high)


def _student(values: Sequence[float], level: float = 0.95) -> float:
    return float(stats.t.ppf(0.5 + level / 2, len(values) - 1))


def _stacked(frames: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The predictions of all seeds. Groups are the same in every seed, so more seeds do not count as more data."""
    return pd.concat([frame.assign(id=f"{seed}/" + frame["id"].astype(str)) for seed, frame in frames.items()])


def _means(values: pd.Series, averages: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Means by language and average."""
    by_language = {str(name): float(value) for name, value in values.items()}
    return by_language | {
        name: sum(weight * by_language[language] for language, weight in weights.items())
        for name, weights in averages.items()
    }
