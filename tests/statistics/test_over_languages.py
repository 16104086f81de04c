"""Effects by language, correlations over languages against scipy and their coverage, and distances of languages."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statistics_simulated import simulate

from xltrobust.errors import UserError
from xltrobust.statistics.language_distance import script_distance, typological_distance
from xltrobust.statistics.over_languages import accuracy_by_language, correlate, effect_by_language


def test_each_language_stands_alone() -> None:
    counts = simulate(np.random.default_rng(0), {"a": 0.0, "b": 1.0}, languages=3)
    found = effect_by_language(counts, {"b": 1.0, "a": -1.0})
    ours, base = accuracy_by_language(counts, "b"), accuracy_by_language(counts, "a")
    assert {name: parts.total.value for name, parts in found.items()} == pytest.approx(
        {name: ours[name] - base[name] for name in ("l0", "l1", "l2")}
    )
    whole = effect_by_language(simulate(np.random.default_rng(0), {"a": 0.0, "b": 1.0}, languages=1), {"b": 1, "a": -1})
    assert list(whole) == ["l0"] and whole["l0"].total.error > 0


def test_correlations_are_scipys() -> None:
    rng = np.random.default_rng(1)
    x = {f"l{at}": float(value) for at, value in enumerate(rng.normal(size=9))}
    y = {name: value + float(rng.normal(0, 0.7)) for name, value in x.items()} | {"l9": 1.0, "l8": float("nan")}
    found = correlate(x, y)
    common = [f"l{at}" for at in range(8)]
    assert found.languages == common
    reference = stats.spearmanr([x[name] for name in common], [y[name] for name in common])
    assert found.value == pytest.approx(reference.statistic) and found.p == pytest.approx(reference.pvalue, abs=0.03)
    assert found.low < found.value < found.high
    with pytest.raises(UserError, match="at least 5 of them, but got 4"):
        correlate(x, {name: y[name] for name in common[:4]})
    with pytest.raises(UserError, match="the same in all languages"):
        correlate(x, dict.fromkeys(x, 1.0))


def test_intervals_of_correlations_cover_the_truth() -> None:
    rng = np.random.default_rng(2)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's of a normal pair with correlation 0.6
    pairs = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=(400, 11))
    found = [
        correlate(dict(enumerate(pair[:, 0])), dict(enumerate(pair[:, 1])), permutations=9)  # type: ignore[arg-type]
        for pair in pairs
    ]
    assert 0.91 < np.mean([own.low <= truth <= own.high for own in found]) < 0.985


def test_distances_of_languages() -> None:
    assert script_distance("en", ["de", "sr-Latn", "sr", "hi"]) == {"de": 0.0, "sr-Latn": 0.0, "sr": 1.0, "hi": 1.0}
    try:
        found = typological_distance("en", ["en", "nl", "zh-CN", "arb_Arab", "zxx"])
    except ModuleNotFoundError as error:
        assert "pip install 'xltrobust[typology]'" in str(error)
        pytest.skip("lang2vec is not installed")
    assert found["en"] == pytest.approx(0, abs=1e-6) and set(found) == {"en", "nl", "zh-CN", "arb_Arab"}
    assert found["nl"] < 0.5 * found["zh-CN"] and found["nl"] < 0.5 * found["arb_Arab"]
    with pytest.raises(UserError, match="no typological features 'geo'"):
        typological_distance("en", ["de"], "geo")
