"""Confidence intervals of per-language accuracies, their averages and their paired differences: a cluster bootstrap.

Examples that share a group (the template they were expanded from, the item they were translated from) are not
independent, so groups are resampled and not examples (Field & Welsh 2007, "Bootstrapping clustered data", JRSS-B 69).
A group that occurs in several languages is drawn for all of them at once, so that the intervals of averages and of
transfer gaps account for the correlation between languages. The intervals are percentile intervals (Efron & Tibshirani
1993, "An Introduction to the Bootstrap", chapter 13) of a ratio estimator; they undercover with fewer than some 20
groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# A stratum of m groups understates the variance by the factor (m - 1) / m: smaller ones are resampled together.
_SMALLEST_STRATUM = 20
# Bootstrap weights drawn at a time: memory stays below some 100 MB for any number of groups.
_CHUNK = 4_000_000

Combinations = Mapping[str, Mapping[str, float]]


class Interval(NamedTuple):
    """An estimate with its confidence interval, and the numbers of examples and of groups it rests on."""

    value: float
    low: float
    high: float
    examples: int
    groups: int

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0


class PairedDifference(NamedTuple):
    """First minus second, over ``common`` examples; ``left_out``: how many only the first and only the second has."""

    intervals: dict[str, Interval]
    common: int
    left_out: tuple[int, int]


def bootstrap_accuracy(
    correct: ArrayLike,
    language: ArrayLike,
    group: ArrayLike,
    *,
    combinations: Combinations | None = None,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Cluster-bootstrap intervals of the accuracy in each language and of linear combinations of accuracies.

    Languages that have no group in common are resampled independently. Those that have are resampled jointly, within
    strata of groups that occur in the same set of languages (strata of fewer than 20 groups are merged).

    If all groups of a language have the same accuracy (typically 1), resampling shows no spread. The interval then
    allows for groups that were not sampled: after G equal groups, a share of up to ``u = z² / (G + z²)`` of all groups
    may differ. At an accuracy of 0 or 1 this is the Wilson (1927) interval on the number of groups. Such languages
    widen the intervals of combinations too (added in quadrature; Zou & Donner 2008).

    Args:
        correct: shape (N,), whether each prediction is correct.
        language: shape (N,), the language of each example.
        group: shape (N,), the unit that is resampled; an item that occurs in several languages has one group.
        combinations: weights over languages by name, e.g. ``{"avg": {"de": 0.5, "fr": 0.5}}``.
        replicates: number of bootstrap replicates.
        level: confidence level.
        seed: the result depends on the seed but not on the order of the examples.

    Returns:
        An interval for each language, sorted by name, then one for each combination.

    Raises:
        ValueError: if the arrays are empty or differ in length, or a combination names an unknown language.

    >>> languages, groups = ["en", "en", "en", "de", "de", "de"], [1, 2, 3, 1, 2, 3]
    >>> result = bootstrap_accuracy(
    ...     [1, 1, 1, 1, 0, 0], languages, groups, combinations={"transfer_gap": {"en": 1, "de": -1}}
    ... )
    >>> {name: round(interval.value, 3) for name, interval in result.items()}
    {'de': 0.333, 'en': 1.0, 'transfer_gap': 0.667}
    >>> round(result["en"].low, 3), result["en"].high  # Wilson, 3 of 3
    (0.439, 1.0)
    """
    values = np.asarray(correct).astype(np.int64)
    return _bootstrap_means(values, language, group, (0, 1), combinations, replicates, level, seed)


def paired_difference(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    combinations: Combinations | None = None,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Intervals of the accuracies of ``first`` minus those of ``second`` on the examples they have in common.

    Both are evaluated on the same resampled groups, so that what makes an example hard for both cancels out.

    Args:
        first: columns ``language``, ``id``, ``correct``, and optionally ``group`` (otherwise the id).
        second: the same; its groups are ignored.
        combinations: see :func:`bootstrap_accuracy`, as for the rest.
        replicates: number of bootstrap replicates.
        level: confidence level.
        seed: of the resampling.

    Raises:
        ValueError: if an example occurs twice in either, or if they have none in common.

    >>> ours = pd.DataFrame({"language": ["de"] * 4, "id": list("abcd"), "correct": [1, 1, 1, 0]})
    >>> base = pd.DataFrame({"language": ["de"] * 4, "id": list("bcde"), "correct": [1, 0, 0, 0]})
    >>> result = paired_difference(ours, base)
    >>> round(result.intervals["de"].value, 3), result.common, result.left_out
    (0.333, 3, (1, 1))
    """
    keys = ["language", "id"]
    for name, frame in (("first", first), ("second", second)):
        if frame.duplicated(keys).any():
            twice = frame.loc[frame.duplicated(keys), keys].iloc[0].tolist()
            raise ValueError(f"Expected argument `{name}` to hold each (language, id) once, but got {twice} twice.")
    both = first.merge(second[[*keys, "correct"]], on=keys, suffixes=("", "_second"))
    if both.empty:
        raise ValueError("Expected arguments `first` and `second` to have examples in common, but got none.")
    values = both["correct"].to_numpy().astype(np.int64) - both["correct_second"].to_numpy().astype(np.int64)
    groups = both["group" if "group" in both else "id"]
    intervals = _bootstrap_means(values, both["language"], groups, (-1, 1), combinations, replicates, level, seed)
    return PairedDifference(intervals, len(both), (len(first) - len(both), len(second) - len(both)))


def _bootstrap_means(
    values: NDArray[np.int64],
    language: ArrayLike,
    group: ArrayLike,
    bounds: tuple[int, int],
    combinations: Combinations | None,
    replicates: int,
    level: float,
    seed: int,
) -> dict[str, Interval]:
    """Intervals of the mean value (within ``bounds``) in each language and of combinations of these means."""
    combinations = combinations or {}
    # Languages are sorted for the sake of determinism; groups are many, and _resample sorts their counts anyway.
    language_index, languages = pd.factorize(np.asarray(language, dtype=object), sort=True)
    group_index, groups = pd.factorize(np.asarray(group, dtype=object))
    if not len(values) == len(language_index) == len(group_index) or not len(values):
        got = f"{len(values)} values, {len(language_index)} languages and {len(group_index)} groups"
        raise ValueError(f"Expected arguments to have the same length, at least 1, but got {got}.")
    if language_index.min() < 0 or group_index.min() < 0:
        raise ValueError("Expected arguments `language` and `group` to have no missing values, but got some.")
    names = [str(name) for name in languages]
    for name, weights in combinations.items():
        if name in names or not weights or not set(weights) <= set(names):
            got = f"{name}: {weights}"
            raise ValueError(f"Expected argument `combinations` to weigh some languages of {names}, but got {got}.")

    shape = (len(groups), len(languages))
    cells = group_index * shape[1] + language_index
    n = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    # Sums of float64 weights are exact here: they are integers.
    k = np.bincount(cells, weights=values, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)
    means = _resample(k, n, replicates, np.random.default_rng(seed))
    estimate = k.sum(0) / n.sum(0)
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(means, [tail, 100 - tail], axis=0)

    n_groups = (n > 0).sum(0)
    flat = np.nanmax(means, 0) - np.nanmin(means, 0) < 1e-12
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    unseen = z2 / (n_groups + z2)
    low = np.where(flat, estimate - unseen * (estimate - bounds[0]), low)
    high = np.where(flat, estimate + unseen * (bounds[1] - estimate), high)

    result = {
        name: Interval(float(estimate[i]), float(low[i]), float(high[i]), int(n[:, i].sum()), int(n_groups[i]))
        for i, name in enumerate(names)
    }
    for name, weights in combinations.items():
        w = np.array([weights.get(language_name, 0.0) for language_name in names])
        used = w != 0
        value = estimate[used] @ w[used]
        ends = np.nanpercentile(means[:, used] @ w[used], [tail, 100 - tail])
        below, above = (flat * w * (estimate - low)), (flat * w * (high - estimate))
        # Where a weight is negative, the language's upper end lowers the combination.
        extra_low = np.where(w > 0, below, -above).sum()
        extra_high = np.where(w > 0, above, -below).sum()
        if extra_low or extra_high:
            ends = value - np.hypot(value - ends[0], extra_low), value + np.hypot(ends[1] - value, extra_high)
        result[name] = Interval(
            float(value), float(ends[0]), float(ends[1]), int(n[:, used].sum()), int((n[:, used] > 0).any(1).sum())
        )
    return result


def _strata(present: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Strata of groups, as arrays of their indices, from a matrix of shape (G, L) of where each group occurs."""
    # Languages that share groups, directly or through other languages, form a component; its first language names it.
    patterns = np.unpackbits(np.unique(np.packbits(present, axis=1), axis=0), axis=1, count=present.shape[1])
    linked = patterns.astype(np.int64).T @ patterns > 0
    for _ in range(present.shape[1].bit_length()):
        linked = linked.astype(np.int64) @ linked > 0
    component = linked.argmax(1)[present.argmax(1)]
    _, pattern, sizes = np.unique(np.packbits(present, axis=1), axis=0, return_inverse=True, return_counts=True)
    pattern = pattern.ravel()
    # Where single examples are missing, hardly any two groups have the same pattern, and a stratum of one group would
    # show no variance at all.
    pattern = np.where(sizes[pattern] < _SMALLEST_STRATUM, -1, pattern)
    _, stratum = np.unique(np.stack([component, pattern], 1), axis=0, return_inverse=True)
    stratum = stratum.ravel()
    return np.split(np.argsort(stratum, kind="stable"), np.cumsum(np.bincount(stratum))[:-1])


def _resample(
    k: NDArray[np.int64], n: NDArray[np.int64], replicates: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Bootstrap replicates of ``k.sum(0) / n.sum(0)``: counts of shape (G, L) to means of shape (replicates, L)."""
    k_sum, n_sum = np.zeros((2, replicates, k.shape[1]))
    for members in _strata(n > 0):
        active = np.flatnonzero(n[members].any(0))
        # Groups with equal counts are interchangeable, so instead of m groups we draw how often each distinct row of
        # counts occurs. With one example per group, that is one binomial per language instead of m draws.
        rows = np.concatenate([k[np.ix_(members, active)], n[np.ix_(members, active)]], 1)
        rows, counts = np.unique(rows, axis=0, return_counts=True)
        step = max(1, _CHUNK // len(rows))
        for start in range(0, replicates, step):
            stop = min(start + step, replicates)
            hits = rng.multinomial(len(members), counts / len(members), size=stop - start)
            drawn = (hits @ rows.astype(np.float64)).reshape(stop - start, 2, len(active))
            k_sum[start:stop, active] += drawn[:, 0]
            n_sum[start:stop, active] += drawn[:, 1]
    # A replicate may miss a language that has few groups in a merged stratum; its mean is then NaN.
    return np.divide(k_sum, n_sum, out=np.full_like(k_sum, np.nan), where=n_sum > 0)
