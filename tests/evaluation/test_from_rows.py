"""Figures counted from rows, against the metrics of the test itself and against counts by hand."""

from __future__ import annotations

import random

import pytest
import torch

from xltrobust.evaluation.from_rows import attacked_figures_of, clean_figures_of, renewed_figures
from xltrobust.example import EvaluationSet, Example
from xltrobust.metrics.confusion import MultilingualConfusion
from xltrobust.metrics.figures import adversarial_figures, clean_figures

LANGUAGES = ["en", "de", ("en", "de")]
NAMES = ["en", "de", "en>de"]
RESULTS = {"labels": ["a", "b", "c"], "source": "en"}
SETS = [
    EvaluationSet(split, language, [Example(str(n), language, "x", n % 3) for n in range(9)])
    for split in ("dev", "test")
    for language in LANGUAGES
]


def row(language, name, label, prediction, attack=None, split="test"):
    found = {"language": language, "id": name, "label": label, "prediction": prediction}
    return found | {"attack": attack, "split": split}


def rows_of(attack=None, languages=NAMES, split="test", seed=0):
    rng = random.Random(f"{attack} {split} {seed}")
    return [row(name, str(n), n % 3, rng.randrange(3), attack, split) for name in languages for n in range(9)]


def metric_of(rows):
    """As the test counts: one example at a time, in any order."""
    metric = MultilingualConfusion(num_languages=3, num_classes=3)
    for own in random.Random(0).sample(rows, len(rows)):
        values = own["prediction"], own["label"], NAMES.index(own["language"])
        metric.update(*(torch.tensor([value]) for value in values))
    return metric.compute()


def test_clean_figures_are_those_of_the_test_by_split():
    clean = {split: rows_of(split=split) for split in ("dev", "test")}
    found = clean_figures_of([*clean["test"], *rows_of("typo"), *clean["dev"]], SETS, RESULTS)
    expected = [clean_figures(metric_of(rows), NAMES, "en", split) for split, rows in clean.items()]
    assert found == expected[0] | expected[1]
    right = sum(own["label"] == own["prediction"] for own in clean["test"] if own["language"] == "de")
    assert found["test/acc/de"] == right / 9 and "dev/transfer_gap" in found


def test_attacked_figures_are_those_of_the_test():
    typo, case = rows_of("typo"), rows_of("case")
    ignored = rows_of("typo", split="dev", seed=1)
    clean = rows_of()
    assert attacked_figures_of([*ignored, *typo], SETS, RESULTS) == adversarial_figures(
        {"typo": metric_of(typo)}, {}, NAMES, "en", "test"
    )
    found = attacked_figures_of([*ignored, *clean, *typo, *case], SETS, RESULTS)
    worst = [b if a["prediction"] == a["label"] else a for a, b in zip(typo, case, strict=True)]
    counts = {name: metric_of(rows) for name, rows in {"typo": typo, "case": case, "worst": worst}.items()}
    assert found == adversarial_figures(counts, dict.fromkeys(counts, metric_of(clean)), NAMES, "en", "test")
    assert len(found) == 30
    assert all(found[f"test/adv_acc/worst/{name}"] <= found[f"test/adv_acc/typo/{name}"] for name in NAMES)


def test_robust_is_over_the_attacks_of_a_suite_that_apply_to_a_language():
    suite = {"hash": "", "attacks": ["typo", "case"], "controls": ["random"], "not_applicable": {"case": ["de"]}}
    clean = [row(language, str(n), 0, 0) for language in ("en", "de") for n in range(4)]
    typo = [row(language, str(n), 0, int(n == 0), "typo") for language in ("en", "de") for n in range(4)]
    case = [row("en", str(n), 0, int(n == 1), "case") for n in range(3)]  # not tried on the fourth
    random_ = [row("en", str(n), 0, 1, "random") for n in range(4)]
    found = attacked_figures_of([*clean, *typo, *case, *random_], SETS, RESULTS | {"suites": {"standard-1": suite}})
    assert found["test/adv_acc/robust/en"] == pytest.approx(1 / 3)
    assert found["test/adv_acc/robust/de"] == found["test/adv_acc/robust/avg"] == 0.75
    assert found["test/acc_attacked/robust/avg_all"] == 1 and "test/adv_acc/worst/de" not in found


def test_clean_accuracy_is_of_the_attacked_examples():
    # All are right, but of the two that are attacked one is wrong from the start.
    clean = [row("de", str(n), 0, int(n == 1)) for n in range(8)]
    found = attacked_figures_of([*clean, *(row("de", str(n), 0, 1, "typo") for n in range(2))], SETS, RESULTS)
    assert found["test/adv_acc/typo/de"] == 0 and found["test/acc_attacked/typo/de"] == 0.5
    assert found["test/acc_attacked/typo/avg"] == 0.5
    assert clean_figures_of(clean, SETS, RESULTS)["test/acc/de"] == 7 / 8
    # Where the clean text of one was never classified, nothing is given.
    found = attacked_figures_of([*clean, row("de", "8", 0, 1, "typo")], SETS, RESULTS)
    assert not any("acc_attacked" in name for name in found)


def test_by_hand():
    answers = {"typo": {"en": "01", "de": "00"}, "case": {"en": "00", "de": "10"}}  # the predictions of two examples
    rows = [
        row(language, str(n), 0, int(answer), attack)
        for attack, own in answers.items()
        for language, given in own.items()
        for n, answer in enumerate(given)
    ]
    assert attacked_figures_of(rows, SETS, RESULTS) == {
        "test/adv_acc/typo/en": 0.5, "test/adv_acc/typo/de": 1, "test/adv_acc/typo/avg": 1,
        "test/adv_acc/typo/avg_all": 0.75,
        "test/adv_acc/case/en": 1, "test/adv_acc/case/de": 0.5, "test/adv_acc/case/avg": 0.5,
        "test/adv_acc/case/avg_all": 0.75,
        "test/adv_acc/worst/en": 0.5, "test/adv_acc/worst/de": 0.5, "test/adv_acc/worst/avg": 0.5,
        "test/adv_acc/worst/avg_all": 0.5,
    }  # fmt: skip


def test_the_worst_is_over_what_all_attacks_were_tried_on():
    # In English the second attack was tried on two of three examples; in German there is only the first.
    rows = [row("en", str(n), 0, answer, "first") for n, answer in enumerate((0, 0, 1))]
    rows += [row("en", str(n), 0, answer, "second") for n, answer in enumerate((0, 1))]
    rows += [row("de", str(n), 0, answer, "first") for n, answer in enumerate((0, 0, 0, 2))]
    found = attacked_figures_of(rows, SETS, RESULTS)
    assert found["test/adv_acc/first/en"] == pytest.approx(2 / 3) and found["test/adv_acc/second/en"] == 0.5
    assert {name: own for name, own in found.items() if "worst" in name} == {"test/adv_acc/worst/en": 0.5}
    assert "test/adv_acc/second/de" not in found and found["test/adv_acc/first/avg"] == 0.75
    shuffled = random.Random(0).sample(rows, len(rows))
    assert attacked_figures_of(shuffled, SETS, RESULTS) == found


def test_the_worst_is_never_above_its_attacks_on_average():
    # The attack that breaks most is in one language only: an average of the others' worst would be above it.
    answers = {"typo": {"de": "0001", "en>de": "0000"}, "synonyms": {"de": "0111"}}
    rows = [
        row(language, str(n), 0, int(answer), attack)
        for attack, own in answers.items()
        for language, given in own.items()
        for n, answer in enumerate(given)
    ]
    found = attacked_figures_of(rows, SETS, RESULTS)
    assert found["test/adv_acc/synonyms/avg"] == 0.25 and found["test/adv_acc/worst/de"] == 0.25
    assert "test/adv_acc/worst/avg" not in found and "test/adv_acc/worst/en>de" not in found


def test_a_further_attack_takes_averages_that_no_longer_hold():
    rows = [row(name, str(n), 0, 0, attack) for name in ("en", "de") for n in range(2) for attack in ("typo", "case")]
    before = renewed_figures({"test/acc/en": 1.0}, rows, SETS, RESULTS)
    assert before["test/adv_acc/worst/avg"] == 1 and before["test/acc/en"] == 1
    after = renewed_figures(before, [*rows, row("en", "0", 0, 1, "synonyms")], SETS, RESULTS)
    assert "test/adv_acc/worst/avg" not in after and after["test/adv_acc/worst/en"] == 0 and after["test/acc/en"] == 1


def test_ids_are_each_languages_own():
    rows = [row("en", "0", 0, 1, "first"), row("de", "0", 0, 0, "first")]
    rows += [row("en", "0", 0, 0, "second"), row("de", "0", 0, 0, "second")]
    found = attacked_figures_of(rows, SETS, RESULTS)
    assert (found["test/adv_acc/worst/en"], found["test/adv_acc/worst/de"]) == (0, 1)


def test_without_attacks_there_are_no_figures_of_them():
    assert attacked_figures_of(rows_of(), SETS, RESULTS) == {}
    assert attacked_figures_of([], SETS, RESULTS) == clean_figures_of([], SETS, RESULTS) == {}
