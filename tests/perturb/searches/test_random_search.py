import random

import numpy as np
import pytest
from perturb.sentences import SENTENCES
from perturb.victims import first_texts

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Perturbation
from xltrobust.perturb.draws import edit_count, random_edits
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.goal import Misclassification
from xltrobust.perturb.perturbations.typos import TypoPerturbation
from xltrobust.perturb.perturbations.words import WordDropping
from xltrobust.perturb.searches.random_search import RandomSearch

TEXT = "several ordinary English words that somebody might type without thinking about them"  # 12 words

GOAL = Misclassification()


class Everywhere(Perturbation):
    """Replaces any single character by a hyphen."""

    def candidates(self, example, rng):
        return [Edit(at, at + 1, "-") for at in range(len(example.text)) if example.text[at] not in "- "]


class Undoing(Perturbation):
    """Two edits that together change nothing."""

    def candidates(self, example, rng):
        return [Edit(0, 1, ""), Edit(1, 1, "a")]


class Sparing(Constraint):
    """Leaves some words alone."""

    def __init__(self, *words):
        self.words = words

    def allows(self, example, edits):
        return not any(
            example.text.find(word) <= edit.start < example.text.find(word) + len(word)
            for word in self.words
            for edit in edits
        )


class AtMost(Constraint):
    def __init__(self, edits):
        self.edits = edits

    def allows(self, example, edits):
        return len(edits) <= self.edits


def ask(example, *, perturbation=None, constraints=(), seed=0, **options):
    run = RandomSearch(**options).run(
        example, perturbation or TypoPerturbation(), constraints, GOAL, random.Random(f"{seed}")
    )
    return run, first_texts(run)


def answer(run, logits):
    with pytest.raises(StopIteration) as stop:
        run.send(np.asarray(logits, dtype=float))
    adversarial, given = stop.value.value or (None, None)
    return adversarial, given if given is None else given.tolist()


@pytest.mark.parametrize(("rate", "changed"), [(0.01, 1), (0.15, 2), (0.25, 3), (0.5, 6), (1.0, 12)])
def test_the_rate_is_the_share_of_words_changed(rate, changed):
    words = TEXT.split()
    perturbation = TypoPerturbation(operations=("delete",))
    for seed in range(5):
        _, question = ask(Example("0", "en", TEXT, 0), perturbation=perturbation, rate=rate, seed=seed)
        assert len(question) == 8
        for example in question:
            lengths = [len(a) - len(b) for a, b in zip(words, example.text.split(), strict=True)]
            assert set(lengths) <= {0, 1} and sum(lengths) == changed


def test_words_are_counted_on_the_sides_that_may_change():
    pair = Example("0", "en", TEXT, 0, text_pair=TEXT)
    for sides, deleted in ((("text", "text_pair"), 6), (("text",), 3)):
        _, question = ask(pair, perturbation=TypoPerturbation(operations=("delete",), sides=sides), rate=0.25)
        for example in question:
            assert 2 * len(TEXT) - len(example.text) - len(example.text_pair) == deleted
            assert sides != ("text",) or example.text_pair == TEXT


def test_words_of_sides_that_cannot_be_changed_do_not_count():
    mixed = Example("0", ("en", "zh"), TEXT, 0, text_pair="天气很好我们今天去公园散步吧晚上再回家吃饭")
    alone = Example("0", "en", TEXT, 0)
    for rate in (0.15, 0.25, 0.5):
        assert edit_count(mixed, WordDropping(), rate) == edit_count(alone, WordDropping(), rate)
    _, question = ask(mixed, perturbation=WordDropping(), rate=0.25)
    assert {len(TEXT.split()) - len(own.text.split()) for own in question} == {3}
    assert edit_count(mixed, TypoPerturbation(), 0.25) > 3  # which can change both


def test_more_edits_than_words_share_words_without_overlapping():
    edits = random_edits(Example("0", "en", "abcdef", 0), Everywhere(), (), 4, random.Random(0))
    assert len(edits) == 4 and len({edit.start for edit in edits}) == 4


def test_edits_in_unspaced_scripts_do_not_touch_where_they_need_not():
    example = Example("0", "zh", "天气很好我们今天去公园散步吧晚上再回家吃饭", 0)
    for seed in range(50):
        edits = sorted(random_edits(example, TypoPerturbation(), (), 3, random.Random(seed)))
        assert len(edits) == 3
        assert all(first.end < second.start for first, second in zip(edits, edits[1:], strict=False))


def test_edits_that_undo_each_other_are_no_draw():
    for seed in range(20):
        edits = random_edits(Example("0", "en", "ab", 0), Undoing(), (), 2, random.Random(seed))
        assert len(edits) == 2  # together they are a no-op
    run = RandomSearch(rate=1.0).run(Example("0", "en", "ab ", 0), Undoing(), (), GOAL, random.Random(0))
    assert {example.text for example in first_texts(run)} <= {"b ", "aab "}
    run = RandomSearch(rate=1.0).run(Example("0", "en", "ab 's", 0), Undoing(), (), GOAL, random.Random(0))
    with pytest.raises(StopIteration):
        first_texts(run)


@pytest.mark.parametrize("language", SENTENCES)
def test_draws_are_distinct_and_differ_from_the_original(language):
    example = Example("0", language, SENTENCES[language], 0)
    _, question = ask(example, draws=20)
    texts = {draw.text for draw in question}
    assert len(question) == len(texts) == 20 and example.text not in texts
    assert {(draw.id, draw.language, draw.label) for draw in question} == {("0", language, 0)}


def test_fewer_draws_are_a_prefix_of_more():
    example = Example("0", "en", TEXT, 0)
    assert ask(example, draws=3)[1] == ask(example, draws=9)[1][:3]
    assert ask(example, seed=1)[1] != ask(example, seed=0)[1]


def test_exhausted_perturbations_give_fewer_draws():
    _, question = ask(Example("0", "en", "ab", 0), perturbation=TypoPerturbation(operations=("swap",)), draws=5)
    assert [example.text for example in question] == ["ba"]
    _, question = ask(Example("0", "en", "abc", 0), perturbation=TypoPerturbation(operations=("swap",)), draws=5)
    assert {example.text for example in question} == {"bac", "acb"}


@pytest.mark.parametrize("text", ["", "7:30", "a", "aa"])
def test_nothing_to_change_asks_nothing(text):
    run = RandomSearch().run(
        Example("0", "en", text, 3), TypoPerturbation(operations=("swap",)), (), GOAL, random.Random(0)
    )
    with pytest.raises(StopIteration) as stop:
        first_texts(run)
    assert stop.value.value is None


def test_every_constraint_holds_in_every_draw():
    constraints = (Sparing("ordinary", "thinking"), AtMost(2))
    _, question = ask(Example("0", "en", TEXT, 0), constraints=constraints, draws=50, rate=0.5)
    for example in question:
        assert "ordinary" in example.text and "thinking" in example.text
        assert sum(word not in example.text.split() for word in TEXT.split()) == 2
    run = RandomSearch().run(Example("0", "en", TEXT, 0), TypoPerturbation(), (AtMost(0),), GOAL, random.Random(0))
    with pytest.raises(StopIteration):
        first_texts(run)


def test_the_first_misclassified_draw_is_reported_or_else_the_last():
    right, wrong, worse = [2, 1, 0], [0, 1, 0], [0, 1, 9]
    example = Example("0", "en", TEXT, 0)
    for logits, chosen in (
        ([right, wrong, right, worse], 1),
        ([right, right, right, worse], 3),
        ([worse, wrong, right, right], 0),
        ([right, right, right, right], 3),
    ):
        run, question = ask(example, draws=4)
        assert answer(run, logits) == (question[chosen], logits[chosen])


def test_only_the_draws_within_the_budget_are_looked_at():
    example = Example("0", "en", TEXT, 0)
    for answered, expected in (([[2, 1], [3, 1]], 1), ([[2, 1], [0, 1], [2, 1]], 1), ([[0, 1]], 0)):
        run, question = ask(example, draws=4)
        assert answer(run, answered) == (question[expected], answered[expected])
    run, _ = ask(example, draws=4)
    assert answer(run, np.empty((0, 2))) == (None, None)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("draws", 0), ("draws", 2.5), ("draws", True), ("rate", 0), ("rate", 1.5), ("rate", -0.1), ("rate", "0.1")],
)
def test_wrong_arguments_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"Expected argument `{argument}` to be .*, but got"):
        RandomSearch(**{argument: value})
