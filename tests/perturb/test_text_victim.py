"""Functions of texts as victims."""

import numpy as np
import pytest
import torch

from xltrobust.example import Example
from xltrobust.perturb import RandomSearch, TextVictim, TypoPerturbation, attack

TEXTS = ["a", "bbb", "", "cc", "我", "d" * 50, "bbb"]


def examples(texts=TEXTS, pairs=None):
    return [Example(str(n), "en", text, 0, pairs and pairs[n]) for n, text in enumerate(texts)]


def lengths(texts):
    return [[len(text), -len(text), 0.5] for text in texts]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 256])
def test_answers_come_in_the_order_of_the_examples(batch_size):
    calls = []

    def classify(texts):
        calls.append(texts)
        return lengths(texts)

    answers = TextVictim(classify, batch_size=batch_size)(examples())
    np.testing.assert_array_equal(answers, lengths(TEXTS))
    assert answers.dtype == float
    assert len(calls) == -(-7 // batch_size) and max(map(len, calls)) <= batch_size
    assert [text for call in calls for text in call] == sorted(TEXTS, key=len, reverse=True)


def test_pairs_are_given_as_pairs_and_sorted_by_both_lengths():
    calls, pairs = [], ["x" * n for n in (9, 0, 1, 2, 3, 4, 5)]

    def classify(texts):
        calls.append(texts)
        return np.array([[len(first) - len(second), 0] for first, second in texts])

    answers = TextVictim(classify, batch_size=3)(examples(pairs=pairs))
    np.testing.assert_array_equal(answers[:, 0], [len(a) - len(b) for a, b in zip(TEXTS, pairs, strict=True)])
    given = [pair for call in calls for pair in call]
    totals = [len(first) + len(second) for first, second in given]
    assert totals == sorted(totals, reverse=True) and set(given) == set(zip(TEXTS, pairs, strict=True))


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda rows: np.array(rows, np.float16)])
def test_whatever_numpy_takes_for_an_array_is_an_answer(kind):
    np.testing.assert_array_equal(TextVictim(lambda texts: kind(lengths(texts)))(examples()), lengths(TEXTS))


@pytest.mark.parametrize("answer", [[1.0] * 7, [[1.0, 0.0]] * 6, [[1.0, 0.0]] * 8, 1.0, [[[1.0]]] * 7])
def test_answers_of_another_shape_are_refused(answer):
    with pytest.raises(ValueError, match=r"Expected the classifier's answer to have shape \(7, classes\), but got \("):
        TextVictim(lambda texts: answer)(examples())


@pytest.mark.parametrize(
    "classify",
    [
        lambda texts: [[0.0] * (2 + ("a" in texts)) for _ in texts],
        lambda texts: [[0.0] * (1 + len(text)) for text in texts],
        lambda texts: [["red", "blue"] for _ in texts],
    ],
    ids=["classes that differ between calls", "classes that differ between texts", "names"],
)
def test_answers_that_are_no_array_of_numbers_are_refused(classify):
    with pytest.raises(ValueError, match=r".+"):
        TextVictim(classify, batch_size=2)(examples())


@pytest.mark.parametrize("batch_size", [0, -1])
def test_wrong_batch_sizes_are_refused(batch_size):
    with pytest.raises(ValueError, match="Expected argument `batch_size` to be at least 1, but got"):
        TextVictim(lengths, batch_size=batch_size)


@pytest.mark.parametrize("pair", [None, "a warm evening"])
def test_an_attack_does_not_depend_on_the_batch_size(pair):
    def classify(texts):
        found = [" ".join(own if pair else [own]) for own in texts]
        return [[text.count("hot") + text.count("warm") - 0.5, 0.0] for text in found]

    data = [Example(str(n), "en", "a hot day", 0, pair) for n in range(8)]
    options = {"perturbation": TypoPerturbation(), "search": RandomSearch(draws=5, rate=0.5)}
    expected = attack(data, TextVictim(classify), **options)
    assert attack(data, TextVictim(classify, batch_size=1), in_flight=3, **options) == expected
    assert {result.queries for result in expected} == {6}
    for result in expected:
        own = result.adversarial
        assert result.broken == (own.text.count("hot") + (own.text_pair or "").count("warm") == 0)
