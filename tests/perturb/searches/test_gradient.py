import numpy as np
import pytest
from perturb.victims import BagOfWords, Replacing
from perturb.white_box import TABLE, WhiteBox, examples

from xltrobust.example import Example
from xltrobust.perturb import (
    BeamSearch,
    Edit,
    GradientSearch,
    GreedySearch,
    MaxWordsChanged,
    RandomSearch,
    attack,
)
from xltrobust.perturb.base import FirstOrder
from xltrobust.perturb.engine.first_order import first_order_effects, widened
from xltrobust.perturb.goal import Misclassification

ABC = Example("0", "en", "a b c", 0)


def one(example, victim, search, **options):
    return attack([example], victim, perturbation=Replacing(TABLE), search=search, **options)[0]


def test_effects_are_the_first_order_change_less_what_the_step_could_do_at_most():
    edits = [Edit(0, 1, "a2"), Edit(2, 3, "b3"), Edit(2, 3, "b2"), Edit(1, 1, "x")]
    (effects,) = first_order_effects([FirstOrder(ABC, edits)], WhiteBox(), Misclassification())
    # a -> a2: step (-1.5, 0), slope (1, 0). b -> b3: step (1, 3). b -> b2: (-4, 0). "a" -> "ax", which has no vector.
    np.testing.assert_allclose(effects, [-1.5 - 1.5, 1 - 10**0.5, -4 - 4, -1 - 1])
    one = FirstOrder(Example("0", "en", "a b c", 1), edits)
    (other,) = first_order_effects([one], WhiteBox(), Misclassification())
    np.testing.assert_allclose(other[:3], [1.5 - 1.5, -1 - 10**0.5, 4 - 4])


@pytest.mark.parametrize(
    ("text", "edit", "place"),
    [
        ("turn it off", Edit(4, 5, ""), (0, 0, 7, "turnit")),
        ("turn it, off", Edit(7, 8, ";"), (0, 5, 8, "it;")),
        ("关掉厨房的灯", Edit(2, 3, "除"), (0, 0, 4, "关掉除房")),
        ("أطفئ النور", Edit(0, 1, "ا"), (0, 0, 4, "اطفئ")),
        ("a", Edit(0, 1, ""), (0, 0, 1, "")),
    ],
)
def test_edits_are_widened_to_their_words(text, edit, place):
    side, start, end, word = widened(Example("0", "en", text, 0), edit)
    assert (side, word) == (place[0], place[3]) or (start, end, word) == place[1:]
    assert start <= edit.start and edit.end <= end
    assert text[:start] + word + text[end:] == text[: edit.start] + edit.replacement + text[edit.end :]


def test_all_words_are_changed_at_once_and_then_one_by_one():
    victim = WhiteBox()
    result = one(ABC, victim, GradientSearch(candidates_per_word=1))
    # 9 - 1.5 - 4 - 6 = -2.5 with the best edit of each word: the first text that is asked about breaks it.
    assert (result.adversarial.text, result.broken) == ("a2 b2 c2", True)
    assert victim.texts == ["a b c", "a2 b2 c2"] and victim.differentiated == ["a b c"]
    assert (result.queries, result.backwards, result.broken_at) == (3, 1, 4)
    victim = WhiteBox(bias=5.0)
    result = one(ABC, victim, GradientSearch(candidates_per_word=1))
    assert victim.texts[1:] == ["a2 b2 c2", "a b c2", "a b2 c2"] and not result.broken
    assert result.adversarial.text == "a2 b2 c2" and (result.queries, result.backwards) == (5, 1)


def test_greedy_by_gradient_takes_the_best_edits_of_the_best_words():
    victim = WhiteBox()
    result = one(ABC, victim, GreedySearch(ranking="gradient", candidates_per_word=1))
    assert victim.texts == ["a b c", "a b c2", "a b2 c2"] and result.broken and result.backwards == 1


def test_constraints_hold_for_what_is_tried_at_once():
    victim = WhiteBox()
    one(ABC, victim, GradientSearch(), constraints=[MaxWordsChanged(share=0.67)])
    assert all(sum(a != b for a, b in zip(text.split(), "abc", strict=True)) <= 2 for text in victim.texts)


def test_victims_without_gradients_are_refused():
    with pytest.raises(ValueError, match="Expected a victim with gradients for this search, but BagOfWords"):
        one(ABC, BagOfWords({"a": 1.0}), GradientSearch())


@pytest.mark.parametrize("value", [0, True, 1.5, None])
def test_wrong_arguments_are_refused(value):
    with pytest.raises(ValueError, match="Expected argument `candidates_per_word` to be .*, but got"):
        GradientSearch(candidates_per_word=value)


SEARCHES = [
    GradientSearch(candidates_per_word=2),
    GreedySearch(ranking="gradient"),
    GreedySearch(candidates_per_word=1, sweeps=3),
    BeamSearch(width=2),
    RandomSearch(draws=12, rate=0.7),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: f"{type(search).__name__}")
def test_broken_at_is_the_least_budget_that_breaks_and_no_budget_is_exceeded(search):
    for example in examples():
        free = one(example, WhiteBox(), search)
        least = None
        for budget in range(1, 30):
            victim = WhiteBox()
            result = one(example, victim, search, budget=budget)
            spent = len(set(victim.texts)) + 2 * len(victim.differentiated)
            assert spent == result.queries + result.backwards <= budget
            assert result.backwards == len(victim.differentiated)
            if result.broken and result.adversarial is not None and least is None:
                least = budget
        assert free.broken_at == least
