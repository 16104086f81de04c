"""Each thing is asked once, whether it is remembered in memory or on disk."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from perturb.victims import BagOfWords, Replacing
from perturb.white_box import TABLE, WhiteBox, examples

from xltrobust.example import Example
from xltrobust.perturb import (
    BatchedConstraint,
    BeamSearch,
    Constraint,
    GradientSearch,
    GreedySearch,
    RandomSearch,
    attack,
)
from xltrobust.perturb.base import Allowed
from xltrobust.perturb.engine import answers
from xltrobust.perturb.engine.answers import Answers
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.goal import Misclassification

SEARCHES = [
    RandomSearch(draws=4, rate=0.5),
    GreedySearch(),
    GreedySearch(ranking="gradient", candidates_per_word=1, sweeps=2),
    GradientSearch(candidates_per_word=2),
    BeamSearch(width=2),
]
NAMES = [f"{type(search).__name__}-{getattr(search, 'ranking', '')}" for search in SEARCHES]


def text(words, **fields):
    return replace(Example("0", "en", words, 0), **fields)


class Without(BatchedConstraint):
    """Refuses texts that hold a word."""

    def __init__(self, word):
        self.word, self.judged = word, []

    @property
    def key(self):
        return self.word

    def judge(self, pairs):
        self.judged += [new.text for _, new in pairs]
        return np.array([self.word not in new.text.split() for _, new in pairs])


class NotAt(Constraint):
    """Refuses edits that start at a character."""

    def __init__(self, start):
        self.start = start

    def allows(self, example, edits):
        return all(edit.start != self.start for edit in edits)


def test_a_text_is_what_is_read_and_not_whose_it_is():
    victim = BagOfWords({"a": 1.0, "b": 2.0})
    own = Answers(victim, [], Misclassification(), None)
    asked = [text("a"), text("a", id="1", label=1), text("b", text_pair=None), text("b", text_pair="")]
    first, second = own.to([asked[:2], asked[2:]])
    np.testing.assert_array_equal(first, [[1, 0], [1, 0]])
    np.testing.assert_array_equal(second, [[2, 0], [2, 0]])
    assert len(victim.asked) == own.asked == 3  # the first two are one; no second text is not an empty one
    own.to([[text("a", language="de")], [text("a", language=("en", "de"))], asked])
    assert len(victim.asked) == own.asked == 5


def test_many_texts_are_asked_in_parts_and_each_part_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "_AT_ONCE", 3)
    calls = []

    def victim(batch):
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.array([[float(own.text), -float(own.text)] for own in batch])

    question, journal = [text(str(n)) for n in range(8)], Journal(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        Answers(victim, [], Misclassification(), journal).to([question])
    journal.close()
    assert len(Journal(tmp_path)) == 6
    (found,) = Answers(victim, [], Misclassification(), Journal(tmp_path)).to([question])
    np.testing.assert_array_equal(found, [[n, -n] for n in range(8)])
    assert calls == [3, 3, 2, 2]


def test_what_memory_forgets_is_asked_again_and_what_a_journal_keeps_is_not(tmp_path, monkeypatch):
    options = {"perturbation": Replacing(TABLE), "search": GreedySearch(), "in_flight": 1}
    whole, forgetful, kept, twice = WhiteBox(), WhiteBox(), WhiteBox(), examples() * 2
    expected = attack(twice, whole, **options)
    monkeypatch.setattr(answers, "_REMEMBERED", 1)
    assert attack(twice, forgetful, **options) == expected
    assert attack(twice, kept, journal=Journal(tmp_path), **options) == expected
    assert sorted(kept.texts) == sorted(whole.texts) == sorted(set(whole.texts))
    assert sorted(forgetful.texts) == sorted(whole.texts * 2)


def test_a_batched_constraint_is_asked_once_and_only_about_what_those_before_it_allow():
    first, second = Without("x"), Without("y")
    own = Answers(BagOfWords({}), [first, second], Misclassification(), None)
    question = Allowed(text("a"), [text(words) for words in ("a x", "a y", "a z", "x y")])
    for _ in range(2):
        np.testing.assert_array_equal(own.to([question])[0], [[-1, 0], [1, -1], [1, 1], [-1, 0]])
    assert first.judged == ["a x", "a y", "a z", "x y"] and second.judged == ["a y", "a z"]
    assert own.to([Allowed(text("a"), [])])[0].shape == (0, 2)


def test_refusals_are_counted_for_each_constraint_in_the_order_given():
    constraints = [Without("b2"), NotAt(0), Without("c2")]
    options = {"perturbation": Replacing(TABLE), "search": GreedySearch(ranking="random")}
    victim = WhiteBox(bias=50.0)
    (result,) = attack([text("a b c")], victim, constraints=constraints, **options)
    # Of a2, b1, b2, b3, c1, c2 by themselves one starts at 0; what is left is tried a word at a time.
    assert result.refused == (1, 1, 1)
    assert not any({"a2", "b2", "c2"} & set(words.split()) for words in victim.texts)


@pytest.mark.parametrize("search", SEARCHES, ids=NAMES)
@pytest.mark.parametrize("budget", range(1, 10))
def test_a_spent_budget_ends_an_attack_whose_answers_are_all_on_disk(tmp_path, search, budget):
    options = {"perturbation": Replacing(TABLE), "search": search, "budget": budget}
    journal, again = Journal(tmp_path), WhiteBox()
    expected = attack(examples(), WhiteBox(), journal=journal, **options)
    journal.close()
    assert attack(examples(), again, journal=Journal(tmp_path), **options) == expected
    assert again.texts == again.differentiated == []


@pytest.mark.parametrize("search", SEARCHES, ids=NAMES)
def test_budgets_hold_and_break_as_foretold_with_constraints_that_judge_in_batches(search):
    options = {"perturbation": Replacing(TABLE), "search": search, "constraints": [Without("b2"), NotAt(4)]}
    for example in examples():
        (free,) = attack([example], WhiteBox(), **options)
        breaking = []
        for budget in range(1, 25):
            victim = WhiteBox()
            (result,) = attack([example], victim, budget=budget, **options)
            spent = len(set(victim.texts)) + 2 * len(victim.differentiated)
            assert spent == result.queries + result.backwards <= budget
            assert not any("b2" in words for words in victim.texts)
            if result.adversarial is not None and result.broken:
                breaking.append(budget)
        assert breaking == ([] if free.broken_at is None else list(range(free.broken_at, 25)))


def test_answers_of_single_precision_lead_to_the_same_text_from_memory_and_from_disk(tmp_path):
    # The margins 10 + 2**-21 and 10 are the same to single precision, and are not to double precision.
    logits = {"a": (20, 0), "x": (5, -5 - 2**-21), "y": (5, -5)}

    def victim(batch):
        return np.array([logits[own.text] for own in batch], np.float32)

    options = {"perturbation": Replacing({"a": ["x", "y"]}), "search": GreedySearch(ranking="random")}
    for journal in (None, Journal(tmp_path), Journal(tmp_path)):
        assert attack([text("a")], victim, journal=journal, **options)[0].adversarial.text == "y"


DYING = """
import os, signal, sys
from pathlib import Path
from perturb.engine.test_answers import OPTIONS, Journal, Without, WhiteBox, attack, examples

class Dying(WhiteBox):
    def __call__(self, batch):
        if self.texts:
            print(*self.texts, sep="|", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)

attack(examples()[int(sys.argv[2]) :: 2], Dying(), journal=Journal(Path(sys.argv[1]), sys.argv[2]), **OPTIONS)
"""
OPTIONS = {"perturbation": Replacing(TABLE), "search": GreedySearch(), "constraints": [Without("b2")]}


def test_what_two_killed_processes_were_answered_one_goes_on_from(tmp_path):
    answered = []
    for rank in "01":
        command = [sys.executable, "-c", DYING, str(tmp_path), rank]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr
        answered += done.stdout.strip().split("|")
    whole, rest = WhiteBox(), WhiteBox()
    assert attack(examples(), rest, journal=Journal(tmp_path), **OPTIONS) == attack(examples(), whole, **OPTIONS)
    assert sorted(answered) == sorted(example.text for example in examples())
    assert sorted(answered + rest.texts) == sorted(whole.texts)
