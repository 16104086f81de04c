"""Effects by language, and how they go with properties of languages: few points, and not independent ones.

Languages of one family are alike for reasons that no correlation sees, and a study has some ten: an interval of a
correlation over ten languages is about ±0.6 wide around 0. All of this is exploratory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from xltrobust.errors import UserError
from xltrobust.statistics.counts import Counts
from xltrobust.statistics.crossed import Parts, crossed_contrast

FEWEST = 5


@dataclass(frozen=True)
class Correlation:
    """A rank correlation over languages.

    Args:
        value: Spearman's ρ.
        low: the lower end of its 95 % interval.
        high: the upper end.
        p: two-sided, by permutation.
        languages: over which.
    """

    value: float
    low: float
    high: float
    p: float
    languages: list[str]


def effect_by_language(counts: Counts, weights: Mapping[str, float], *, pair: bool = True) -> dict[str, Parts]:
    """A contrast in each language alone, with intervals over other seeds and items that borrow nothing from others.

    Args:
        counts: as :func:`~xltrobust.statistics.crossed.crossed_contrast` takes them.
        weights: likewise.
        pair: likewise.
    """
    return {
        name: crossed_contrast(counts, weights, languages={name: 1.0}, pair=pair) for name in sorted(counts.languages)
    }


def accuracy_by_language(counts: Counts, cell: str) -> dict[str, float]:
    """The mean accuracy of a cell's runs in each language."""
    means = counts.by_language[counts.rows(cell)].mean(0)
    return dict(zip(counts.languages, means.tolist(), strict=True))


def correlate(
    first: Mapping[str, float], second: Mapping[str, float], *, level: float = 0.95, permutations: int = 9999
) -> Correlation:
    """Spearman's correlation of two figures over the languages that both have.

    For: a contrast's effect against typological or script distance, robust against clean accuracy, retrieval against
    robust accuracy. The interval is on Fisher's z with variance ``(1 + ρ² / 2) / (L - 3)`` (Bonett & Wright 2000,
    "Sample size requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65); p is twice
    the share of permutations at least as far on ρ's side (all of them for up to seven languages). Noise in either
    figure draws the correlation towards 0, and languages are treated as independent.

    Args:
        first: a figure by language; values that are not finite are left out.
        second: another, likewise.
        level: of the interval.
        permutations: drawn at most.

    Raises:
        UserError: if there are fewer than five languages, or a figure is the same in all of them.
    """
    languages = sorted(
        name for name in first.keys() & second.keys() if math.isfinite(first[name]) and math.isfinite(second[name])
    )
    if len(languages) < FEWEST:
        raise UserError(f"a correlation over languages needs at least {FEWEST} of them, but got {len(languages)}.")
    x, y = (np.array([figures[name] for name in languages]) for figures in (first, second))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise UserError("a figure is the same in all languages: there is no correlation with it.")
    ranks = stats.rankdata(y)

    def of(order: np.ndarray, axis: int = -1) -> np.ndarray:
        own = stats.rankdata(order, axis=axis)
        own = own - own.mean(axis, keepdims=True)
        there = ranks - ranks.mean()
        return (own * there).sum(axis) / np.sqrt((own**2).sum(axis) * (there**2).sum())

    tested = stats.permutation_test(
        (x,), of, permutation_type="pairings", n_resamples=permutations, vectorized=True, rng=np.random.default_rng(0)
    )
    value = float(tested.statistic)
    inside = min(max(value, -0.999999), 0.999999)
    reach = stats.norm.ppf(0.5 + level / 2) * math.sqrt((1 + inside**2 / 2) / (len(languages) - 3))
    low, high = math.tanh(math.atanh(inside) - reach), math.tanh(math.atanh(inside) + reach)
    return Correlation(value, low, high, float(tested.pvalue), languages)
