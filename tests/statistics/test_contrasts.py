"""The study's contrasts: weights by definition, a known truth found, and all that a report prints of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statistics_simulated import as_examples, simulate

from xltrobust.errors import UserError
from xltrobust.statistics.contrasts import Contrast, compare, primary_contrasts
from xltrobust.statistics.counts import count_examples
from xltrobust.statistics.crossed import crossed_contrast
from xltrobust.statistics.examples import Examples
from xltrobust.statistics.factorial import Factorial
from xltrobust.statistics.power import detectable_difference

LEVELS = {
    "plain": ("none", "none"), "wa": ("augmentation", "word"), "sa": ("augmentation", "sentence"),
    "wr": ("representation", "word"), "sr": ("representation", "sentence"),
}  # fmt: skip
FACTORS = {cell: {"mechanism": one, "granularity": other} for cell, (one, other) in LEVELS.items()}
# Augmentation is better by 1 logit; granularity makes no difference.
EFFECTS = {"plain": -0.5, "wa": 1.0, "sa": 1.0, "wr": 0.0, "sr": 0.0}


@pytest.fixture(scope="module")
def examples() -> Examples:
    counts = simulate(np.random.default_rng(3), EFFECTS, seeds=5, groups=40, item_by_cell=0.2)
    return as_examples({"clean": counts}, FACTORS)


@pytest.fixture(scope="module")
def found(examples: Examples) -> dict[str, Contrast]:
    primary = primary_contrasts(
        examples, "clean", best="wa", baseline="plain", differs={"mechanism": "A adds no loss term"}
    )
    return {contrast.name: contrast for contrast in primary}


def test_weights_are_those_of_the_design(examples: Examples) -> None:
    weights = Factorial().weights(examples.cells)
    assert weights == {
        "mechanism": {"wa": 0.5, "sa": 0.5, "wr": -0.5, "sr": -0.5},
        "granularity": {"wa": 0.5, "wr": 0.5, "sa": -0.5, "sr": -0.5},
        "interaction": {"wa": 1.0, "sr": 1.0, "wr": -1.0, "sa": -1.0},
    }
    one = pd.DataFrame({"factor.arm": list(LEVELS)}, index=list(LEVELS))
    arms = {cell: levels for cell, levels in LEVELS.items() if cell != "plain"}
    assert Factorial(arm="factor.arm", arms=arms).weights(one) == weights
    assert Factorial().weights(examples.cells.drop("sa")) == {
        "mechanism (word)": {"wa": 1.0, "wr": -1.0},
        "granularity (representation)": {"wr": 1.0, "sr": -1.0},
    }
    robust = pd.concat([examples.cells.assign(robust="none"), examples.cells.add_prefix("").rename(lambda n: n + "+")])
    robust = robust.fillna("typos")
    assert Factorial(where={"robust": "none"}).weights(robust) == weights
    with pytest.raises(UserError, match=r"cells 'wa' and 'wa\+' are both augmentation and word"):
        Factorial().weights(robust)
    with pytest.raises(UserError, match="no factor 'arm' in the study; there are mechanism, granularity"):
        Factorial(mechanism=("arm", "a", "b")).weights(examples.cells)
    with pytest.raises(UserError, match="no two cells that differ in mechanism or granularity alone"):
        Factorial().weights(examples.cells.loc[["plain", "wa", "sr"]])


def test_the_true_effects_are_found_and_no_others(found: dict[str, Contrast]) -> None:
    assert list(found) == ["mechanism", "granularity", "interaction", "wa - plain"]
    assert {name for name, contrast in found.items() if contrast.star} == {"mechanism", "wa - plain"}
    mechanism, best = found["mechanism"].model, found["wa - plain"].model
    assert mechanism and mechanism.low < 1.0 < mechanism.high and best and best.low < 1.5 < best.high
    for name in ("granularity", "interaction"):
        assert found[name].interval.low < 0 < found[name].interval.high
        assert abs(found[name].value) < found[name].detectable


def test_a_contrast_says_what_it_rests_on(found: dict[str, Contrast], examples: Examples) -> None:
    mechanism, best = found["mechanism"], found["wa - plain"]
    assert (mechanism.runs, best.runs, best.family, best.condition) == (20, 10, 4, "clean")
    assert mechanism.differs == "A adds no loss term" and best.differs == ""
    parts = crossed_contrast(count_examples(examples, "clean"), best.weights)
    assert (best.interval, best.seeds, best.items) == (parts.total, parts.seeds, parts.items)
    assert set(best.by_runs) == {"welch", "hc3", "paired"}
    assert {round(test.value, 12) for test in best.by_runs.values()} == {round(best.value, 12)}
    assert best.detectable == detectable_difference(best.interval.error, best.interval.df, alpha=0.0125)
    ordered = sorted(found.values(), key=lambda contrast: contrast.p)
    assert ordered[0].adjusted == pytest.approx(min(1, 4 * ordered[0].p), abs=1e-11)
    assert ordered[1].adjusted == pytest.approx(max(3 * ordered[1].p, ordered[0].adjusted), abs=1e-11)
    for contrast in found.values():
        assert contrast.model and contrast.model_adjusted and contrast.model_adjusted >= contrast.model.p


def test_families_of_ones_own(examples: Examples) -> None:
    (alone,) = compare(examples, "clean", {"words": {"wa": 1.0, "wr": -1.0}}, model=False)
    assert alone.model is None and alone.adjusted == pytest.approx(alone.p, abs=1e-11) and alone.family == 1
    with pytest.raises(UserError, match="no cell 'best' in the study; there are plain, wa"):
        primary_contrasts(examples, "clean", best="best", baseline="plain")
    with pytest.raises(UserError, match="no condition 'typos'"):
        compare(examples, "typos", {"words": {"wa": 1.0, "wr": -1.0}})
