import doctest

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xltrobust.metrics import bootstrap
from xltrobust.metrics.bootstrap import bootstrap_accuracy, paired_difference


def test_doctests():
    assert doctest.testmod(bootstrap).failed == 0


def test_independent_examples_agree_with_scipy():
    correct = np.random.default_rng(0).random(400) < 0.8
    ours = bootstrap_accuracy(correct, ["de"] * 400, np.arange(400), replicates=20_000)["de"]
    reference = stats.bootstrap((correct,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    assert ours.value == correct.mean()
    assert (ours.examples, ours.groups) == (400, 400)
    assert ours[1:3] == pytest.approx(tuple(reference.confidence_interval), abs=0.003)


def naive(correct, language, group, names, replicates, rng):
    """The cluster bootstrap by its definition: draw groups, put their rows together, take means."""
    rows = {unit: np.flatnonzero(group == unit) for unit in set(group)}
    replicated = []
    for _ in range(replicates):
        drawn = np.concatenate([rows[unit] for unit in rng.choice(sorted(rows), len(rows))])
        replicated.append([correct[drawn][language[drawn] == name].mean() for name in names])
    return np.array(replicated)


def shared_items(rng, items=60, size=3, spread=1.5):
    """Items translated into three languages, ``size`` sentences each, with a difficulty common to all languages."""
    names = ["en", "de", "fr"]
    language = np.repeat(names, items * size)
    group = np.tile(np.repeat([f"item {i}" for i in range(items)], size), len(names))
    difficulty = np.tile(np.repeat(rng.normal(0, spread, items), size), len(names))
    return rng.normal(size=len(group)) + difficulty < 0.8, language, group, names


def test_clusters_agree_with_a_naive_loop():
    correct, language, group, names = shared_items(np.random.default_rng(0))
    weights = {"gap": {"en": 1.0, "de": -0.5, "fr": -0.5}, "avg_all": dict.fromkeys(names, 1 / 3)}
    ours = bootstrap_accuracy(correct, language, group, combinations=weights, replicates=4000)
    means = naive(correct, language, group, names, 4000, np.random.default_rng(1))
    expected = dict(zip(names, means.T, strict=True)) | {
        name: means @ [weight_of.get(language, 0) for language in names] for name, weight_of in weights.items()
    }
    for name, replicates in expected.items():
        assert ours[name][1:3] == pytest.approx(tuple(np.percentile(replicates, [2.5, 97.5])), abs=0.012), name


@pytest.mark.parametrize("name", ["de", "avg"])
def test_covers_the_truth_and_ignoring_clusters_does_not(name):
    truth, covered, ignorant = None, 0, 0
    rng = np.random.default_rng(0)
    correct, language, group, _ = shared_items(rng, items=40_000)
    truth = {name: correct[language == name].mean() for name in ("de", "fr")}
    truth["avg"] = (truth["de"] + truth["fr"]) / 2
    average = {"avg": {"de": 0.5, "fr": 0.5}}
    for _ in range(300):
        correct, language, group, _ = shared_items(rng)
        right = bootstrap_accuracy(correct, language, group, combinations=average, replicates=400)[name]
        wrong = bootstrap_accuracy(correct, language, np.arange(len(group)), combinations=average, replicates=400)[name]
        covered += right.low <= truth[name] <= right.high
        ignorant += wrong.low <= truth[name] <= wrong.high
    assert 0.90 <= covered / 300 <= 0.99
    assert ignorant / 300 < 0.88


def width(interval):
    return interval.high - interval.low


def test_joint_resampling_widens_averages_and_narrows_gaps():
    rng = np.random.default_rng(0)
    correct, language, group, names = shared_items(rng, items=400, size=1, spread=3)
    weights = {"avg": dict.fromkeys(names, 1 / 3), "gap": {"en": 1.0, "de": -1.0}}
    joint = bootstrap_accuracy(correct, language, group, combinations=weights)
    apart = bootstrap_accuracy(correct, language, np.char.add(group, language), combinations=weights)
    # With correlation r: Var(avg) = (1 + 2r) / 3, Var(gap) = 2 (1 - r), in units of one language's variance.
    by_language = np.stack([correct[language == name] for name in names])
    r = np.corrcoef(by_language)[np.triu_indices(3, 1)].mean()
    assert r > 0.5
    assert width(joint["avg"]) / width(apart["avg"]) == pytest.approx(np.sqrt(1 + 2 * r), rel=0.1)
    assert width(joint["gap"]) / width(apart["gap"]) == pytest.approx(np.sqrt(1 - r), rel=0.15)
    assert width(joint["de"]) == pytest.approx(width(apart["de"]), rel=0.1)


def test_items_missing_here_and_there_keep_their_variance():
    """Where hardly two items occur in the same languages, strata of one item each would show no variance."""
    rng = np.random.default_rng(0)
    languages = [f"l{i}" for i in range(12)]
    language, group = np.repeat(languages, 300), np.tile(np.arange(300).astype(str), 12)
    kept = rng.random(len(group)) < 0.3
    correct = rng.random(len(group)) < 0.7
    intervals = bootstrap_accuracy(correct[kept], language[kept], group[kept])
    for name in languages:
        n, value = intervals[name].examples, intervals[name].value
        assert width(intervals[name]) == pytest.approx(2 * 1.96 * np.sqrt(value * (1 - value) / n), rel=0.2)


def test_all_right_and_all_wrong_get_wilson_intervals_on_the_groups():
    language, group = np.repeat(["de", "fr", "en"], 40), [f"{i // 40}/{i % 10}" for i in range(120)]
    correct = np.repeat([1, 0, 1], 40)
    result = bootstrap_accuracy(correct, language, group, combinations={"gap": {"de": 1, "fr": -1}})
    for name, k in (("de", 10), ("fr", 0)):
        reference = stats.binomtest(k, 10).proportion_ci(method="wilson")
        assert result[name][1:3] == pytest.approx((reference.low, reference.high))
    assert result["gap"].value == 1 and result["gap"].high == 1
    assert result["gap"].low == pytest.approx(1 - 2 * result["fr"].high)
    assert bootstrap_accuracy([1, 0], ["de", "de"], ["a", "a"])["de"].low < 0.2  # one group says next to nothing


def test_a_perfect_language_widens_the_average():
    rng = np.random.default_rng(0)
    correct = np.concatenate([np.ones(30), rng.random(30) < 0.5])
    language, average = np.repeat(["de", "fr"], 30), {"avg": {"de": 0.5, "fr": 0.5}}
    result = bootstrap_accuracy(correct, language, np.arange(60), combinations=average)
    assert result["avg"].value - result["avg"].low > (result["fr"].value - result["fr"].low) / 2
    assert result["avg"].high == pytest.approx((1 + result["fr"].high) / 2, abs=0.02)


def test_deterministic_whatever_the_order():
    correct, language, group, names = shared_items(np.random.default_rng(0))
    average = {"avg": dict.fromkeys(names, 1 / 3)}
    first = bootstrap_accuracy(correct, language, group, combinations=average)
    order = np.random.default_rng(1).permutation(len(group))
    assert bootstrap_accuracy(correct[order], language[order], group[order], combinations=average) == first
    assert bootstrap_accuracy(correct, language, group, combinations=average, seed=1) != first


@pytest.mark.parametrize(
    ("arguments", "combinations", "message"),
    [
        (([], [], []), None, "at least 1"),
        (([1, 0], ["de"], ["a", "b"]), None, "same length"),
        (([1], ["de"], [None]), None, "no missing"),
        (([1], ["de"], ["a"]), {"avg": {"fr": 1.0}}, "Expected argument `combinations`"),
        (([1], ["de"], ["a"]), {"de": {"de": 1.0}}, "Expected argument `combinations`"),
    ],
)
def test_refuses(arguments, combinations, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_accuracy(*arguments, combinations=combinations)


def frame(correct, language, group):
    ids = pd.Series(language).groupby(language).cumcount().astype(str)
    return pd.DataFrame({"language": language, "id": ids, "group": group, "correct": correct})


def test_paired_difference_is_narrower_than_of_independent_runs():
    rng = np.random.default_rng(0)
    base, language, group, names = shared_items(rng, items=200)
    better = np.where(rng.random(len(base)) < 0.1, True, base)
    average = {"avg": {"de": 0.5, "fr": 0.5}}
    result = paired_difference(frame(better, language, group), frame(base, language, group), combinations=average)
    assert result.common == len(base) and result.left_out == (0, 0)
    for name in names:
        assert result.intervals[name].value == pytest.approx(
            (better[language == name] - 1.0 * base[language == name]).mean()
        )
    assert result.intervals["avg"].excludes_zero
    assert (
        width(result.intervals["avg"])
        < width(bootstrap_accuracy(base, language, group, combinations=average)["avg"]) / 2
    )
    means = naive(better * 1.0 - base, language, group, names, 2000, np.random.default_rng(1))
    expected = np.percentile(means[:, 1:].mean(1), [2.5, 97.5])
    assert result.intervals["avg"][1:3] == pytest.approx(tuple(expected), abs=0.004)


def test_paired_difference_of_equal_runs_is_not_certain():
    table = frame([1, 0] * 50, ["de"] * 100, np.arange(100))
    interval = paired_difference(table, table).intervals["de"]
    assert interval.value == 0 and interval.high == -interval.low
    assert interval.high == pytest.approx(stats.binomtest(0, 100).proportion_ci(method="wilson").high)


def test_paired_difference_compares_common_examples_only():
    table = frame([1, 1, 1, 0], ["de"] * 4, list("abcd"))
    result = paired_difference(table, table.iloc[1:].sample(frac=1, random_state=0))
    assert (result.common, result.left_out) == (3, (1, 0))
    with pytest.raises(ValueError, match="in common"):
        paired_difference(table, table.assign(language="fr"))
    with pytest.raises(ValueError, match="`second` to hold each"):
        paired_difference(table, pd.concat([table, table]))
