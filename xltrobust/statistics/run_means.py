"""Contrasts between cells on the accuracies of runs: Welch, heteroscedasticity-consistent, and paired by seed.

The unit is a run: one number a run, so nothing is assumed of its examples. Items and languages are taken as fixed: the
tests say what other seeds would give on these very items.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from xltrobust.errors import UserError

Method = Literal["welch", "hc3", "paired"]


@dataclass(frozen=True)
class Estimate:
    """A contrast's estimate with what its test needs.

    Args:
        value: the estimate.
        error: its standard error.
        df: degrees of freedom of Student's t.
        level: of the interval.
    """

    value: float
    error: float
    df: float
    level: float = 0.95

    @property
    def margin(self) -> float:
        """Half the interval's width, ``t · error``."""
        return float(stats.t.ppf(0.5 + self.level / 2, self.df)) * self.error

    @property
    def low(self) -> float:
        return self.value - self.margin

    @property
    def high(self) -> float:
        return self.value + self.margin

    @property
    def p(self) -> float:
        """Two-sided, of a true value of 0."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        return 2 * float(stats.t.sf(abs(self.value) / self.error, self.df))


def welch(weights: Mapping[str, float], runs: Mapping[str, ArrayLike]) -> Estimate:
    """A contrast of independent cells whose runs may differ in spread.

    ``Σ w m`` with variance ``Σ w² s² / n`` and the degrees of freedom of Welch (1951) and Satterthwaite (1946).

    Args:
        weights: by cell.
        runs: the figure of each run, by cell; each cell of the contrast needs two.

    Raises:
        UserError: if a cell has fewer than two runs.

    References:
        Welch 1951, "On the comparison of several mean values: an alternative approach", Biometrika 38.

    >>> found = welch({"a": 1, "b": -1}, {"a": [3.0, 4.0, 5.0], "b": [1.0, 3.0, 2.0]})
    >>> found.value, round(found.error, 4), round(found.p, 4)
    (2.0, 0.8165, 0.0705)
    """
    values = _values(weights, runs, least=2)
    parts = np.array([weights[cell] ** 2 * own.var(ddof=1) / len(own) for cell, own in values.items()])
    freedom = np.array([len(own) - 1 for own in values.values()])
    return Estimate(_value(weights, values), math.sqrt(parts.sum()), satterthwaite(parts, freedom))


def hc3(weights: Mapping[str, float], runs: Mapping[str, ArrayLike]) -> Estimate:
    """The same in a linear model of all cells, with the HC3 covariance (MacKinnon & White 1985, J. Econometrics 29).

    By statsmodels: ordinary least squares on an indicator of each cell; ``n - cells`` degrees of freedom. In this
    saturated design HC3 is ``w² s² / (n - 1)`` for each cell: somewhat wider errors than Welch's, but degrees of
    freedom that are pooled over all cells, so that cells of few runs beside many get intervals that are too narrow.

    Args:
        weights: by cell.
        runs: the figure of each run, by cell; also of cells outside the contrast.

    Raises:
        UserError: if a cell has fewer than two runs.
    """
    import statsmodels.api as sm

    values = _values(dict.fromkeys(runs, 0.0) | dict(weights), runs, least=2)
    sizes = [len(own) for own in values.values()]
    design = np.repeat(np.eye(len(sizes)), sizes, axis=0)
    fitted = sm.OLS(np.concatenate(list(values.values())), design).fit(cov_type="HC3", use_t=True)
    found = fitted.t_test(np.array([[float(weights.get(cell, 0.0)) for cell in values]]))
    return Estimate(float(found.effect[0]), float(found.sd[0, 0]), float(fitted.df_resid))


def paired(weights: Mapping[str, float], by_seed: Mapping[str, Mapping[int, float]]) -> Estimate:
    """The contrast of each seed, and Student's t on these: for cells whose runs of one seed share data order.

    Args:
        weights: by cell.
        by_seed: the figure of each run by seed, by cell.

    Raises:
        UserError: if the cells do not have the same seeds, or fewer than two.
    """
    used = [cell for cell, weight in weights.items() if weight]
    seeds = sorted(by_seed[used[0]])
    for cell in used:
        if sorted(by_seed[cell]) != seeds:
            raise UserError(f"cells {used[0]!r} and {cell!r} have runs of different seeds: they cannot be paired.")
    if len(seeds) < 2:
        raise UserError(f"cell {used[0]!r} has one run: a contrast needs two seeds.")
    each = sum(weights[cell] * np.array([by_seed[cell][seed] for seed in seeds]) for cell in used)
    each = np.asarray(each)
    return Estimate(float(each.mean()), float(each.std(ddof=1)) / math.sqrt(len(seeds)), len(seeds) - 1)


def satterthwaite(parts: ArrayLike, freedom: ArrayLike) -> float:
    """Degrees of freedom of a sum of independent variance estimates, each with its own (Satterthwaite 1946).

    ``(Σ v)² / Σ (v² / df)``; where all variances are 0, the sum of the degrees of freedom.

    >>> satterthwaite([1.0, 1.0], [11, 11])
    22.0
    """
    v, df = np.asarray(parts, dtype=float), np.asarray(freedom, dtype=float)
    below = float((v**2 / df).sum())
    return float(v.sum() ** 2 / below) if below > 0 else float(df.sum())


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979, Scandinavian J. of Statistics 6), by statsmodels.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.2])]
    [0.04, 0.09, 0.09, 0.2]
    """
    from statsmodels.stats.multitest import multipletests

    return [float(each) for each in multipletests(list(p), method="holm")[1]] if len(p) else []


def _values(weights: Mapping[str, float], runs: Mapping[str, ArrayLike], least: int) -> dict[str, NDArray[np.float64]]:
    values = {cell: np.asarray(runs[cell], dtype=float) for cell in weights}
    for cell, own in values.items():
        if len(own) < least:
            raise UserError(
                f"cell {cell!r} has {len(own)} run(s): a contrast needs {least} seeds of each of its cells."
            )
    return values


def _value(weights: Mapping[str, float], values: Mapping[str, NDArray[np.float64]]) -> float:
    return float(sum(weight * values[cell].mean() for cell, weight in weights.items()))
