"""Intervals over seeds and items: by hand, against the pigeonhole bootstrap, and coverage on simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from statistics_simulated import simulate

from xltrobust.errors import UserError
from xltrobust.statistics.counts import Counts
from xltrobust.statistics.crossed import crossed_contrast, pigeonhole_bootstrap
from xltrobust.statistics.run_means import paired, welch

WEIGHTS = {"a": 0.5, "b": 0.5, "c": -0.5, "d": -0.5}
EQUAL = dict.fromkeys("abcd", 0.0)


def figures(counts: Counts) -> dict[str, np.ndarray]:
    return {cell: counts.means[counts.rows(cell)] for cell in counts.cells}


def test_the_seeds_part_is_the_test_on_run_means() -> None:
    counts = simulate(np.random.default_rng(0), EQUAL, shared_seed=0.5)
    runs = figures(counts)
    together, apart = crossed_contrast(counts, WEIGHTS), crossed_contrast(counts, WEIGHTS, pair=False)
    one, other = paired(WEIGHTS, {cell: dict(enumerate(own)) for cell, own in runs.items()}), welch(WEIGHTS, runs)
    for found, reference in ((together.seeds, one), (apart.seeds, other)):
        assert (found.value, found.error, found.df) == pytest.approx((reference.value, reference.error, reference.df))
    assert together.paired and not apart.paired and together.items.error == apart.items.error
    assert together.total.error >= max(together.seeds.error, together.items.error)


def test_the_items_part_is_the_spread_of_groups() -> None:
    counts = simulate(np.random.default_rng(1), {"a": 0.0, "b": 0.5}, per_group=4)
    found = crossed_contrast(counts, {"b": 1, "a": -1}).items
    share = counts.correct / counts.of / len(counts.languages)
    by_group = share[counts.rows("b")].mean(0).sum(1) - share[counts.rows("a")].mean(0).sum(1)
    assert found.error == pytest.approx(by_group.std(ddof=1) / len(by_group) ** 0.5)
    resampled = pigeonhole_bootstrap(counts, {"b": 1, "a": -1})
    assert resampled.items == pytest.approx((found.low, found.high), abs=0.01)
    assert resampled.value == pytest.approx(found.value)


def test_an_item_of_several_languages_counts_once() -> None:
    counts = simulate(np.random.default_rng(2), EQUAL, languages=1)
    copies = Counts(
        counts.runs, ["de", "fr"], counts.groups, np.repeat(counts.correct, 2, 2), np.repeat(counts.of, 2, 1)
    )
    once, twice = crossed_contrast(counts, WEIGHTS), crossed_contrast(copies, WEIGHTS)
    assert twice.total.error == pytest.approx(once.total.error) and twice.items.error == pytest.approx(once.items.error)
    alone = crossed_contrast(copies, WEIGHTS, languages={"fr": 1.0})
    assert alone.total.error == pytest.approx(once.total.error)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covered, seeds_alone, items_alone = np.zeros(3)
    studies = 400
    for _ in range(studies):
        found = crossed_contrast(simulate(rng, EQUAL, groups=30, per_group=3, item_by_cell=0.4), WEIGHTS)
        covered += found.total.low <= 0 <= found.total.high
        seeds_alone += found.seeds.low <= 0 <= found.seeds.high
        items_alone += found.items.low <= 0 <= found.items.high
    assert 0.92 < covered / studies < 0.985  # 95 % plus or minus 3 standard errors
    assert seeds_alone / studies < 0.9 and items_alone / studies < 0.95  # each alone leaves a part out


def test_the_pigeonhole_bootstrap_widens_by_both() -> None:
    counts = simulate(np.random.default_rng(4), EQUAL, seeds=12, groups=100)
    found = pigeonhole_bootstrap(counts, WEIGHTS, replicates=500)
    wide, seeds, items = (high - low for low, high in (found.both, found.seeds, found.items))
    assert max(seeds, items) < wide < 1.5 * np.hypot(seeds, items)
    assert found == pigeonhole_bootstrap(counts, WEIGHTS, replicates=500)


def test_what_gives_no_interval_is_told() -> None:
    counts = simulate(np.random.default_rng(5), EQUAL, seeds=1)
    with pytest.raises(UserError, match="cell 'a' has one run"):
        crossed_contrast(counts, WEIGHTS)
    with pytest.raises(UserError, match="all items share one group"):
        crossed_contrast(simulate(np.random.default_rng(5), EQUAL, groups=1), WEIGHTS)
    with pytest.raises(UserError, match="no runs of a cell 'e'; there are a, b, c, d"):
        crossed_contrast(counts, {"e": 1, "a": -1})
