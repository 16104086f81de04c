import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from xltrobust.metrics.confusion import MultilingualConfusion, accuracy, macro_f1, majority, shared_labels

CLASSES = 5


def draw(count: int, languages: int, seed: int, classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions (right half of the time), labels and languages."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    predictions = np.where(rng.random(count) < 0.5, labels, rng.integers(0, classes, count))
    return predictions, labels, rng.integers(0, languages, count)


def counted(predictions, labels, languages, num_languages: int, batch: int = 17) -> MultilingualConfusion:
    metric = MultilingualConfusion(num_languages, CLASSES)
    for first in range(0, len(labels), batch):
        part = slice(first, first + batch)
        metric.update(*(torch.from_numpy(values[part]) for values in (predictions, labels, languages)))
    return metric


@pytest.mark.parametrize("seed", range(5))
def test_figures_agree_with_scikit_learn(seed):
    predictions, labels, languages = draw(400, 4, seed)
    confusion = counted(predictions, labels, languages, 4).compute()
    assert confusion.sum() == 400 and confusion.dtype == torch.long
    for language in range(4):
        selected = languages == language
        truth, given = labels[selected], predictions[selected]
        assert confusion[language].tolist() == confusion_matrix(truth, given, labels=range(CLASSES)).tolist()
        assert accuracy(confusion)[language].item() == pytest.approx(accuracy_score(truth, given))
        assert macro_f1(confusion)[language].item() == pytest.approx(f1_score(truth, given, average="macro"))
        assert majority(confusion)[language].item() == pytest.approx(np.bincount(truth).max() / len(truth))


@pytest.mark.parametrize(
    "truth, given",
    [
        ([0, 0, 2, 2], [0, 2, 2, 2]),  # class 1 neither occurs nor is predicted
        ([0, 0, 0], [0, 1, 3]),  # classes that are predicted only
        ([0, 1, 4], [0, 0, 0]),  # classes that are never predicted
        ([2], [3]),
    ],
)
def test_macro_f1_where_classes_are_missing(truth, given):
    metric = counted(np.array(given), np.array(truth), np.zeros(len(truth), int), 1)
    expected = f1_score(truth, given, average="macro", zero_division=0.0)
    assert macro_f1(metric.compute()).item() == pytest.approx(expected)


def test_one_language_does_not_touch_another():
    predictions, labels, languages = draw(300, 3, 1)
    together = counted(predictions, labels, languages, 3).compute()
    for language in range(3):
        selected = languages == language
        alone = counted(predictions[selected], labels[selected], languages[selected], 3).compute()
        assert torch.equal(alone[language], together[language])
        assert alone.sum() == together[language].sum()


def test_a_language_without_examples_has_no_figures_and_spoils_no_other():
    metric = counted(np.array([1, 1]), np.array([1, 0]), np.array([2, 2]), 4)
    for figure, expected in ((accuracy, 0.5), (majority, 0.5), (macro_f1, 1 / 3)):
        values = figure(metric.compute())
        assert values.isnan().tolist() == [True, True, False, True]
        assert values[2].item() == pytest.approx(expected)


def test_shared_labels_are_those_of_every_language():
    labels = np.array([0, 1, 2, 1, 2, 3])
    metric = counted(np.zeros(6, int), labels, np.array([0, 0, 0, 1, 1, 1]), 2)
    assert shared_labels(metric.compute()).tolist() == [False, True, True, False, False]


def test_the_share_of_two_devices_adds_up_to_one_devices_counts():
    predictions, labels, languages = draw(201, 3, 4)
    whole = counted(predictions, labels, languages, 3)
    first, second = (counted(predictions[r::2], labels[r::2], languages[r::2], 3) for r in (0, 1))
    expected = whole.compute().clone()
    first.sync(dist_sync_fn=lambda state, group=None: [state, second.confusion], distributed_available=lambda: True)
    assert torch.equal(first.confusion, expected)
    first.unsync()
    assert first.confusion.sum() == 101
    first.merge_state(second)
    assert torch.equal(first.compute(), expected)


def test_reset_forgets():
    metric = counted(*draw(50, 2, 0), 2)
    metric.reset()
    assert metric.confusion.sum() == 0
    metric.update(torch.tensor([4]), torch.tensor([3]), torch.tensor([1]))
    assert metric.compute().nonzero().tolist() == [[1, 3, 4]]


def test_an_update_without_examples_changes_nothing():
    metric = counted(*draw(50, 2, 0), 2)
    before = metric.compute().clone()
    metric.update(*(torch.zeros(0, dtype=torch.long) for _ in range(3)))
    assert torch.equal(metric.compute(), before)
