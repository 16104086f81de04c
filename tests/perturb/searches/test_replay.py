"""Texts found before, tried again."""

import random
from dataclasses import replace

import pytest
from perturb.victims import BagOfWords, Replacing

from xltrobust.example import Example
from xltrobust.perturb import Edit, GreedySearch, MaxWordsChanged, Replay, attack

FIRST = Example("0", "en", "good day", 0)
SAME_ID = Example("0", "de", "good day", 0)
PAIR = Example("0", ("en", "de"), "good day", 0, "guten Tag")
WEIGHTS = {"good": 1.0, "day": 1.0, "bad": -3.0}


def replayed(examples, victim, texts, **options):
    replay = Replay(texts)
    return attack(examples, victim, perturbation=replay, search=replay, **options)


def test_each_example_gets_its_own_text_by_language_and_id():
    victim = BagOfWords(WEIGHTS)
    texts = {("en", "0"): ("bad day", None), (("en", "de"), "0"): ("good day", "bad Tag"), ("fr", "0"): ("x", None)}
    first, other, pair = replayed([FIRST, SAME_ID, PAIR], victim, texts)
    assert (first.adversarial, first.prediction) == (replace(FIRST, text="bad day"), 1)
    assert (first.queries, first.backwards, first.broken_at) == (2, 0, 2)
    assert (other.adversarial, other.prediction, other.queries, other.broken_at) == (None, 0, 1, None)
    assert (pair.adversarial, pair.prediction) == (replace(PAIR, text_pair="bad Tag"), 1)


def test_a_text_that_breaks_nothing_is_told_too():
    (result,) = replayed([FIRST], BagOfWords(WEIGHTS), {("en", "0"): ("goood day", None)})
    assert (result.adversarial.text, result.broken, result.queries, result.broken_at) == ("goood day", False, 2, None)


def test_both_sides_are_exchanged_as_they_were_found():
    (edit, second) = Replay({(("en", "de"), "0"): ("", "Tag")}).candidates(PAIR, random.Random(0))
    assert (edit, second) == (Edit(0, 8, ""), Edit(0, 9, "Tag", "text_pair"))
    (result,) = replayed([PAIR], BagOfWords({"guten": 1.0, "Tag": -0.5}), {(("en", "de"), "0"): ("", "Tag")})
    assert (result.adversarial.text, result.adversarial.text_pair, result.broken) == ("", "Tag", True)


@pytest.mark.parametrize("texts", [{}, {("en", "0"): ("good day", None)}, {("en", "0"): ("good day", "more")}])
def test_examples_without_another_text_stay_as_they_are(texts):
    (result,) = replayed([FIRST], BagOfWords(WEIGHTS), texts)
    assert (result.adversarial, result.queries, result.broken) == (None, 1, False)


def test_a_budget_of_one_leaves_nothing_for_the_text():
    (result,) = replayed([FIRST], BagOfWords(WEIGHTS), {("en", "0"): ("bad day", None)}, budget=1)
    assert (result.adversarial, result.queries, result.broken) == (None, 1, False)


def test_examples_that_are_wrong_to_begin_with_are_not_tried():
    victim = BagOfWords({"good": -2.0})
    (result,) = replayed([FIRST], victim, {("en", "0"): ("day", None)})
    assert (result.adversarial, result.queries, result.broken) == (None, 1, True) and victim.texts == ["good day"]


def test_constraints_are_not_asked_again():
    texts = {("en", "0"): ("bad bad bad", None)}
    (result,) = replayed([FIRST], BagOfWords(WEIGHTS), texts, constraints=[MaxWordsChanged(share=0.1)])
    assert result.broken and result.refused == (0,)


def test_against_the_same_victim_it_finds_what_was_found():
    data = [
        Example(str(n), "en", text, 0) for n, text in enumerate(["good day", "day", "day good day", "nothing", "bad"])
    ]
    table = {"good": ["bad", "worse"], "day": ["night"]}
    found = attack(data, BagOfWords(WEIGHTS), perturbation=Replacing(table), search=GreedySearch())
    texts = {("en", r.example.id): (r.adversarial.text, None) for r in found if r.adversarial is not None}
    again = replayed(data, BagOfWords(WEIGHTS), texts)
    assert [(r.adversarial, r.prediction) for r in again] == [(r.adversarial, r.prediction) for r in found]
    assert all(result.queries <= 2 for result in again) and {result.broken for result in again} == {True, False}
