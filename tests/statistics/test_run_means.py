"""Contrasts of run means against scipy, statsmodels and formulas, and their false-positive rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from xltrobust.errors import UserError
from xltrobust.statistics.power import detectable_difference
from xltrobust.statistics.run_means import hc3, holm, paired, welch

RUNS = {name: np.random.default_rng(at).normal(at, 1 + at, 5 + at) for at, name in enumerate("abcd")}


def test_two_cells_are_welchs_test() -> None:
    found, reference = welch({"c": 1, "b": -1}, RUNS), stats.ttest_ind(RUNS["c"], RUNS["b"], equal_var=False)
    assert found.p == pytest.approx(reference.pvalue) and found.df == pytest.approx(reference.df)
    interval = reference.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_hc3_of_cell_means_is_its_formula() -> None:
    weights = {"a": 0.5, "b": 0.5, "c": -0.5, "d": -0.5}
    found = hc3(weights, RUNS)
    variance = sum(0.25 * own.var(ddof=1) / (len(own) - 1) for own in RUNS.values())
    assert found.error == pytest.approx(variance**0.5) and found.df == sum(map(len, RUNS.values())) - 4
    assert found.value == pytest.approx(welch(weights, RUNS).value)
    alone = hc3({"a": 1, "b": -1}, RUNS)
    assert alone.error**2 == pytest.approx(sum(RUNS[cell].var(ddof=1) / (len(RUNS[cell]) - 1) for cell in "ab"))


def test_pairs_are_the_paired_test() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 5, 8)
    by_seed = {cell: dict(enumerate(shared + rng.normal(at, 1, 8))) for at, cell in enumerate("ab")}
    found = paired({"b": 1, "a": -1}, by_seed)
    reference = stats.ttest_rel(list(by_seed["b"].values()), list(by_seed["a"].values()))
    assert found.p == pytest.approx(reference.pvalue) and found.df == 7
    del by_seed["b"][0]
    with pytest.raises(UserError, match="cells 'b' and 'a' have runs of different seeds"):
        paired({"b": 1, "a": -1}, by_seed)
    with pytest.raises(UserError, match=r"cell 'a' has 1 run\(s\)"):
        welch({"b": 1, "a": -1}, {"b": [1.0, 2.0], "a": [1.0]})


def test_welch_keeps_its_level_where_arms_differ_in_spread() -> None:
    rng = np.random.default_rng(2)
    weights = {"a": 0.5, "b": 0.5, "c": -0.5, "d": -0.5}
    spreads = {"a": 0.5, "b": 1.0, "c": 2.0, "d": 4.0}
    found = [
        welch(weights, {cell: rng.normal(0, spread, 6) for cell, spread in spreads.items()}).p < 0.05
        for _ in range(1500)
    ]
    assert 0.03 < np.mean(found) < 0.07  # 5 % plus or minus 3.5 standard errors


def test_holm_is_its_definition() -> None:
    p = [0.012, 0.02, 0.001, 0.9]
    assert holm(p) == pytest.approx([0.036, 0.04, 0.004, 0.9]) and holm([]) == []


@pytest.mark.parametrize("runs", [3, 6, 12, 200])
def test_the_detectable_difference_is_found_with_its_power(runs: int) -> None:
    between = detectable_difference((2 / runs) ** 0.5, 2 * runs - 2)
    assert TTestIndPower().power(between, runs, 0.05) == pytest.approx(0.8)
    within = detectable_difference(runs**-0.5, runs - 1, alpha=0.0125)
    assert TTestPower().power(within, runs, 0.0125) == pytest.approx(0.8)


def test_the_designs_figures_for_power() -> None:
    cell = 2.2 / 12**0.5
    found = [detectable_difference(cell * factor, df) for factor, df in ((2**0.5, 22), (1, 44), (2, 44))]
    assert found == pytest.approx([2.6, 1.8, 3.7], abs=0.07)
