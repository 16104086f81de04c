import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from xltrobust.metrics.figures import adversarial_figures, averages, clean_figures


def of(*languages: list[list[int]]) -> torch.Tensor:
    return torch.tensor(languages)


EN = [[8, 2], [0, 10]]  # accuracy 0.9
DE = [[6, 4], [4, 6]]  # 0.6
FR = [[10, 0], [4, 6]]  # 0.8
NONE = [[0, 0], [0, 0]]


def test_averages_leave_out_the_source_or_not():
    assert averages({"en": 0.9, "de": 0.6, "fr": 0.8}, "en") == pytest.approx({"avg": 0.7, "avg_all": 2.3 / 3})
    assert averages({"de": 0.5}, "en") == {"avg": 0.5, "avg_all": 0.5}
    assert averages({"en": 0.5}, "en") == averages({}, "en") == {}


def test_clean_figures_by_hand():
    found = clean_figures(of(EN, DE, FR), ["en", "de", "fr"], "en", "test")
    accuracies = {name: value for name, value in found.items() if name.startswith("test/acc/")}
    assert accuracies == pytest.approx(
        {"test/acc/en": 0.9, "test/acc/de": 0.6, "test/acc/fr": 0.8, "test/acc/avg": 0.7, "test/acc/avg_all": 2.3 / 3}
    )
    assert found["test/transfer_gap"] == pytest.approx(0.2)
    assert found["test/majority/de"] == 0.5 and found["test/majority/avg"] == 0.5
    assert found["test/f1/de"] == pytest.approx(0.6)
    assert len(found) == 3 * 5 + 1


def test_clean_figures_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    confusion = rng.integers(0, 9, (3, 4, 4))
    found = clean_figures(torch.from_numpy(confusion), ["a", "b", "c"], "b", "dev")
    for name, counts in zip("abc", confusion, strict=True):
        truth, given = (np.repeat(side.ravel(), counts.ravel()) for side in np.indices(counts.shape))
        assert found[f"dev/acc/{name}"] == pytest.approx(accuracy_score(truth, given))
        assert found[f"dev/f1/{name}"] == pytest.approx(f1_score(truth, given, average="macro"))
    assert found["dev/f1/avg"] == pytest.approx((found["dev/f1/a"] + found["dev/f1/c"]) / 2)
    targets = (found["dev/acc/a"] + found["dev/acc/c"]) / 2
    assert found["dev/transfer_gap"] == pytest.approx(found["dev/acc/b"] - targets)


def test_pairs_of_languages_are_targets():
    found = clean_figures(of(EN, DE, FR), ["en", "de", "en>de"], "en", "test")
    assert found["test/acc/en>de"] == pytest.approx(0.8) and found["test/acc/avg"] == pytest.approx(0.7)


def test_a_single_language_has_no_transfer_gap():
    source = clean_figures(of(EN), ["en"], "en", "test")
    assert source == pytest.approx(
        {"test/acc/en": 0.9, "test/f1/en": 1 - (1 / 9 + 1 / 11) / 2, "test/majority/en": 0.5}
    )
    target = clean_figures(of(DE), ["de"], "en", "test")
    assert target["test/acc/avg"] == pytest.approx(0.6) and "test/transfer_gap" not in target


def test_a_language_without_examples_is_neither_named_nor_averaged():
    found = clean_figures(of(EN, NONE, FR), ["en", "de", "fr"], "en", "test")
    assert not any("de" in name.split("/") for name in found)
    assert found["test/acc/avg"] == pytest.approx(0.8) and found["test/transfer_gap"] == pytest.approx(0.1)
    assert all(value == value for value in found.values())
    assert clean_figures(of(NONE), ["en"], "en", "test") == {}
    assert "test/transfer_gap" not in clean_figures(of(NONE, FR), ["en", "fr"], "en", "test")


def test_accuracy_over_shared_labels_where_languages_differ():
    en = [[4, 0, 1], [1, 3, 0], [2, 0, 2]]
    de = [[2, 2, 0], [0, 1, 0], [0, 0, 0]]  # nothing of the third class
    none = [[0, 0, 0]] * 3
    found = clean_figures(of(en, de, none), ["en", "de", "fr"], "en", "test")
    assert found["test/acc/en"] == pytest.approx(9 / 13) and found["test/acc_shared/en"] == pytest.approx(7 / 9)
    assert found["test/acc_shared/de"] == found["test/acc/de"] == pytest.approx(3 / 5)
    assert found["test/acc_shared/avg"] == pytest.approx(3 / 5)
    assert found["test/transfer_gap"] == pytest.approx(9 / 13 - 3 / 5)  # of accuracy over all labels


def test_shared_accuracy_is_left_out_where_it_says_nothing_new():
    unused = [[[3, 1, 0], [0, 2, 0], [0, 0, 0]]] * 2  # the third class occurs nowhere, but may be predicted
    assert not any("acc_shared" in name for name in clean_figures(of(*unused), ["en", "de"], "en", "test"))
    apart = of([[3, 1], [0, 0]], [[0, 0], [1, 2]])
    assert not any("acc_shared" in name for name in clean_figures(apart, ["en", "de"], "en", "test"))


def test_adversarial_figures():
    found = adversarial_figures(
        {"typo": of(DE, NONE, FR)}, {"typo": of(EN, NONE, EN)}, ["en", "de", "fr"], "en", "test"
    )
    assert found == pytest.approx(
        {
            "test/adv_acc/typo/en": 0.6, "test/adv_acc/typo/fr": 0.8,
            "test/adv_acc/typo/avg": 0.8, "test/adv_acc/typo/avg_all": 0.7,
            "test/acc_attacked/typo/en": 0.9, "test/acc_attacked/typo/fr": 0.9,
            "test/acc_attacked/typo/avg": 0.9, "test/acc_attacked/typo/avg_all": 0.9,
        }
    )  # fmt: skip


def test_clean_accuracy_of_attacked_examples_is_of_all_of_them_or_not_given():
    fewer = [[8, 2], [0, 9]]
    found = adversarial_figures({"typo": of(DE, DE)}, {"typo": of(EN, fewer)}, ["en", "de"], "en", "test")
    assert {name for name in found if "acc_attacked" in name} == {"test/acc_attacked/typo/en"}
    assert not any("acc_attacked" in name for name in adversarial_figures({"typo": of(DE)}, {}, ["de"], "en", "test"))


def test_the_worst_has_averages_only_where_all_attacks_cover_the_same_languages():
    attacks = {"typo": of(EN, DE), "case": of(FR, DE), "worst": of(DE, DE)}
    assert adversarial_figures(attacks, {}, ["en", "de"], "en", "test")["test/adv_acc/worst/avg"] == pytest.approx(0.6)
    unequal = attacks | {"case": of(NONE, DE), "worst": of(NONE, DE)}
    found = adversarial_figures(unequal, unequal, ["en", "de"], "en", "test")
    assert {name for name in found if "worst" in name} == {"test/adv_acc/worst/de", "test/acc_attacked/worst/de"}
    assert {"test/adv_acc/typo/avg_all", "test/adv_acc/case/avg_all"} <= set(found)


def test_names_and_languages_must_match():
    with pytest.raises(ValueError):
        clean_figures(of(EN, DE), ["en"], "en", "test")
