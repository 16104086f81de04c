"""Goals: their rules by hand, and attacks with a goal of another kind, from end to end."""

import numpy as np
import pytest
import torch

from perturb.victims import Replacing
from perturb.white_box import TABLE, WhiteBox
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb import (
    BeamSearch,
    Goal,
    GradientSearch,
    GreedySearch,
    Misclassification,
    RandomSearch,
    Targeted,
    TypoPerturbation,
    attack,
)
from xltrobust.perturb.engine.journal import Journal

ZERO = Example("0", "en", "text", 0)
ANSWERS = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1.0, 4.0, 0.0], [2.0, 2.0, 2.0]])
WEIGHTS = {"up": [2.0, 0.0, 0.0], "side": [-0.5, 1.0, 0.0], "away": [-0.5, 0.0, 1.5], "near": [1.9, 0.0, -0.1]}


class ThreeClasses:
    """Logits are the sums of the words' weights; gradients are of the sums, with the weights as the embeddings."""

    def __call__(self, batch):
        return np.array([np.sum([np.zeros(3), *map(self._vector, own.text.split())], axis=0) for own in batch])

    def gradients(self, batch, goal):
        found = []
        for own in batch:
            (white_box,) = WhiteBox().gradients([own], Misclassification())  # for where the words are
            slopes = goal.slopes(self([own]), own)
            words = own.text.split()
            vectors = np.array([self._vector(word) for word in words])
            found.append(type(white_box)(white_box.sides, white_box.spans, vectors, np.repeat(slopes, len(words), 0)))
        return found

    def word_vectors(self, words):
        return np.array([self._vector(word) for word in words]).reshape(-1, 3)

    @staticmethod
    def _vector(word):
        return np.array(WEIGHTS.get(word, [0.0, 0.0, 0.0]))


class AnyWrongLabel(Goal):
    """For tasks that label each of T words, (T, C): any word's label is wrong. Here all words have the example's."""

    answer_shape = ("words", "classes")

    def prediction(self, answer):
        return int(answer.argmax(axis=-1).max())

    def to_attack(self, answers, example):
        return ~self.broken(answers, example)

    def broken(self, answers, example):
        return (answers.argmax(axis=-1) != example.label).any(axis=-1)

    def margin(self, answers, example):
        return self._margins(answers, example).min(axis=-1)

    def slopes(self, answers, example):
        slopes = np.zeros(answers.shape)
        for at, row in enumerate(self._margins(answers, example).argmin(axis=-1)):
            slopes[at, row] = Misclassification().slopes(answers[at, row : row + 1], example)[0]
        return slopes

    def key(self, example):
        return "words", example.label

    def _margins(self, answers, example):
        flat = answers.reshape(-1, answers.shape[-1])
        return Misclassification().margin(flat, example).reshape(answers.shape[:2])


def label_each_word(batch):
    """Of two classes each word has the second if there is an x in it."""
    return np.array([[[0.5, "x" in word] for word in own.text.split()] for own in batch])


def test_misclassification_by_hand():
    goal = Misclassification()
    assert goal.to_attack(ANSWERS, ZERO).tolist() == [True, False, False, True]  # of equal ones the first is given
    assert goal.broken(ANSWERS, ZERO).tolist() == [False, True, True, False]
    assert goal.margin(ANSWERS, ZERO).tolist() == [1.0, -2.0, -3.0, 0.0]
    assert goal.slopes(ANSWERS[:3], ZERO).tolist() == [[1, 0, -1], [1, 0, -1], [1, -1, 0]]
    assert [goal.prediction(answer) for answer in ANSWERS] == [0, 2, 1, 0]


def test_targeted_by_hand():
    goal = Targeted(label=2)
    assert goal.to_attack(ANSWERS, ZERO).tolist() == [True, False, False, True]
    assert goal.broken(ANSWERS, ZERO).tolist() == [False, True, False, False]
    assert goal.margin(ANSWERS, ZERO).tolist() == [1.0, -1.0, 4.0, 0.0]
    assert goal.slopes(ANSWERS[:3], ZERO).tolist() == [[1, 0, -1], [0, 1, -1], [0, 1, -1]]
    there = Example("0", "en", "text", 2)
    assert not goal.to_attack(ANSWERS, there).any()  # right or wrong: its label is the target


@pytest.mark.parametrize("goal", [Misclassification(), Targeted(label=1)])
def test_margins_are_below_zero_only_where_an_answer_is_broken_and_slopes_are_their_derivatives(goal):
    rng = np.random.default_rng(0)
    answers = np.vstack([rng.normal(size=(200, 4)), rng.integers(0, 3, (200, 4))])
    margins, broken = goal.margin(answers, ZERO), goal.broken(answers, ZERO)
    assert broken[margins < 0].all() and not broken[margins > 0].any() and (margins == 0).any()
    step = 1e-6 * rng.normal(size=(200, 4))
    change = goal.margin(answers[:200] + step, ZERO) - margins[:200]
    np.testing.assert_allclose(change, (goal.slopes(answers, ZERO)[:200] * step).sum(axis=1), atol=1e-9)


@pytest.mark.parametrize("label", [-1, 1.0, True, "red", None])
def test_targets_that_are_no_classes_are_refused(label):
    with pytest.raises(ValueError, match="Expected argument `label` to be .*, but got"):
        Targeted(label=label)


def test_a_target_that_the_victim_lacks_is_refused():
    options = {"perturbation": TypoPerturbation(), "search": RandomSearch(), "goal": Targeted(label=3)}
    with pytest.raises(ValueError, match="`label` to be below the number of classes, 3, but got 3"):
        attack([Example("0", "en", "up up", 0)], ThreeClasses(), **options)


SEARCHES = [
    RandomSearch(draws=4, rate=0.5),
    GreedySearch(),
    GreedySearch(ranking="gradient", candidates_per_word=2),
    GradientSearch(),
    BeamSearch(),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda own: f"{type(own).__name__}-{getattr(own, 'ranking', '')}")
def test_a_targeted_attack_takes_the_way_to_its_target(search):
    table, victim = {"up": ["side", "away", "near"]}, ThreeClasses()
    one, other = Example("0", "en", "up", 0), Example("1", "en", "up up", 0)
    for label, word in ((1, "side"), (2, "away")):
        options = {"perturbation": Replacing(table), "search": search, "goal": Targeted(label=label)}
        first, second = attack([one, other], victim, **options)
        assert (first.adversarial.text, first.prediction, first.broken) == (word, label, True)
        if not isinstance(search, RandomSearch):  # which changes one word: the target is two away
            assert (second.prediction, second.broken) == (label, True)
            assert word in second.adversarial.text and "up" not in second.adversarial.text
        assert all(1 < own.broken_at <= own.queries + own.backwards for own in (first, second) if own.broken)


def test_which_examples_a_targeted_attack_leaves_alone():
    table, reports = {"up": ["away", "near"], "away": ["near"], "side": ["near"]}, []
    texts = [("up", 0), ("away", 2), ("away", 0), ("side", 0), ("side", 1)]
    data = [Example(str(at), "en", text, label) for at, (text, label) in enumerate(texts)]
    options = {"perturbation": Replacing(table), "search": GreedySearch(), "goal": Targeted(label=2)}
    results = attack(data, ThreeClasses(), progress=reports.append, **options)
    tried = [result.adversarial is not None for result in results]
    # Attacked are those that are right and whose label is another; there is no way from the last to the target.
    assert tried == [True, False, False, False, True]
    assert [(result.prediction, result.broken) for result in results] == [
        (2, True), (2, True), (2, True), (1, False), (0, False)
    ]  # fmt: skip
    assert [result.queries for result in results if result.adversarial is None] == [1, 1, 1]
    assert reports[-1][:4] == (5, 5, 2, 1)  # done, total, attacked, broken


def test_what_misses_the_target_is_not_broken():
    table = {"up": ["side"]}
    options = {"perturbation": Replacing(table), "search": GreedySearch(), "goal": Targeted(label=2)}
    (result,) = attack([Example("0", "en", "up", 0)], ThreeClasses(), **options)
    assert (result.adversarial.text, result.prediction) == ("side", 1)  # wrong, but not what was wanted
    assert not result.broken and result.broken_at is None


def test_goals_of_one_journal_do_not_mix_their_gradients(tmp_path):
    data = [Example("0", "en", "a b c", 0)]
    options = {"perturbation": Replacing(TABLE), "search": GradientSearch()}
    expected = {label: attack(data, WhiteBox(), goal=Targeted(label=label), **options) for label in (0, 1)}
    for victim in (WhiteBox(), WhiteBox()):
        for label in (0, 1):
            found = attack(data, victim, goal=Targeted(label=label), journal=Journal(tmp_path, str(label)), **options)
            assert found == expected[label]
    assert not victim.texts and not victim.differentiated  # the second time all is known


@pytest.mark.parametrize(
    "search", [GreedySearch(), GreedySearch(ranking="gradient", candidates_per_word=4), GradientSearch()]
)
def test_a_classifier_is_led_to_a_class(tiny_encoder, search):
    torch.manual_seed(0)
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b", "c"], pooling="mean").eval()
    victim = ClassifierVictim(module, Tokenization(str(tiny_encoder), 64))
    texts = ["the red house", "a small green boat", "near the river", "they went home", "rain again today"]
    untold = [Example("", "en", text, 0) for text in texts]
    with torch.no_grad():  # an untrained classifier gives the same class to everything
        module.out.bias.sub_(torch.tensor(victim(untold).mean(axis=0)))
    given = victim(untold).argmax(axis=1).tolist()
    data = [Example(str(at), "en", text, label) for at, (text, label) in enumerate(zip(texts, given, strict=True))]
    broken = 0
    for target in range(3):
        results = attack(data, victim, perturbation=TypoPerturbation(), search=search, goal=Targeted(label=target))
        for result in results:
            if result.example.label == target:
                assert result.adversarial is None and result.queries == 1
            else:
                assert result.prediction == victim([result.adversarial])[0].argmax()
                assert result.broken == (result.prediction == target)
                broken += result.broken
    assert broken


def test_a_classifier_s_gradients_are_those_of_the_goal_s_margin(tiny_encoder):
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b", "c"], pooling="mean").eval()
    victim = ClassifierVictim(module, Tokenization(str(tiny_encoder), 64))
    example = Example("0", "en", "red", 0)
    towards = [victim.gradients([example], Targeted(label=label))[0].gradients for label in range(3)]
    (away,) = victim.gradients([example], Misclassification())
    best, second = np.argsort(victim([example])[0])[::-1][:2]
    np.testing.assert_allclose(towards[best], -towards[second], atol=1e-7)  # the lead of the one over the other
    np.testing.assert_allclose(away.gradients, -towards[0], atol=1e-7)


def test_a_goal_may_ask_for_answers_of_another_shape(tmp_path):
    data = [Example("0", "en", "ab cd", 0), Example("1", "en", "ax cd", 0)]
    options = {"perturbation": Replacing({"cd": ["ce", "cx"]}), "goal": AnyWrongLabel(), "journal": Journal(tmp_path)}
    for search in (GreedySearch(ranking="random"), BeamSearch(), RandomSearch(draws=2, rate=0.1)):
        for victim in (label_each_word, None):  # the second time the journal answers
            first, second = attack(data, victim, search=search, **options)
            assert (first.adversarial.text, first.prediction, first.broken) == ("ab cx", 1, True)
            assert (second.adversarial, second.prediction, second.broken) == (None, 1, True)  # wrong to begin with
    del options["journal"]
    with pytest.raises(ValueError, match=r"shape \(2, words, classes\), but got \(2, 2\)"):
        attack(data, lambda batch: np.zeros((len(batch), 2)), search=GreedySearch(), **options)
