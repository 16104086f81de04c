import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from perturb.sentences import SENTENCES
from perturb.victims import BagOfWords

from xltrobust.example import Example
from xltrobust.perturb import (
    BeamSearch,
    GreedySearch,
    MaxEditDistance,
    RandomSearch,
    Search,
    TypoPerturbation,
    WordDropping,
    attack,
)


class BagOfCharacters:
    """Linear in the counts of characters, with fixed arbitrary weights; records everything that it is asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, examples):
        self.calls.append(list(examples))
        return np.array([self.logits(example.text) for example in examples])

    @staticmethod
    def logits(text):
        score = sum(((ord(character) * 7919) % 101 - 50) * count for character, count in Counter(text).items())
        return [0.0, score, 25.5]

    @property
    def asked(self):
        return [example for call in self.calls for example in call]


class Starts:
    """Predicts 1 for texts that start with a given letter, else 0."""

    def __init__(self, letter):
        self.letter = letter

    def __call__(self, examples):
        return np.eye(2)[[int(example.text.startswith(self.letter)) for example in examples]]


class TwoRounds(Search):
    """Asks the same two texts twice and the original again, then nothing; ends with a third text."""

    def run(self, example, perturbation, constraints, goal, rng):
        variants = [Example(example.id, example.language, example.text + mark, example.label) for mark in "!?."]
        first = yield variants[:2]
        second = yield [variants[1], variants[0], example]
        assert np.array_equal(first[::-1], second[:2])
        nothing = yield []
        assert nothing.shape == (0, 3)
        last = yield variants[2:]
        return variants[2], last[0]


def examples(copies=4):
    made = []
    for language, text in SENTENCES.items():
        for copy in range(copies):
            words = text.split()
            random.Random(copy).shuffle(words)
            varied = " ".join(words) + " abc"[:copy]
            made.append(Example(f"{copy}", language, varied, int(np.argmax(BagOfCharacters.logits(varied)))))
    return made


def run(data, victim=None, **options):
    options = {"perturbation": TypoPerturbation(), "search": RandomSearch(draws=6, rate=0.3), **options}
    return attack(data, victim or BagOfCharacters(), **options)


def test_results_come_in_order_and_are_broken_iff_any_draw_is_misclassified():
    victim, data = BagOfCharacters(), examples()
    results = run(data, victim)
    assert [result.example for result in results] == data
    asked = defaultdict(list)
    for example in victim.asked:
        asked[example.language, example.id].append(example)
    for example, result in zip(data, results, strict=True):
        original, *draws = asked[example.language, example.id]
        assert original == example and len(draws) == 6
        wrong = [draw for draw in draws if np.argmax(victim.logits(draw.text)) != example.label]
        assert result.broken == bool(wrong)
        assert result.adversarial == (wrong[0] if wrong else draws[-1])
        assert result.prediction == np.argmax(victim.logits(result.adversarial.text))
    assert 0 < sum(result.broken for result in results) < len(results)


def test_by_hand():
    swap = TypoPerturbation(operations=("swap",))
    data = [Example(str(at), "en", text, label) for at, (text, label) in enumerate([("ab", 0), ("ba", 0), ("cc", 0)])]
    first, second, third = attack(data, Starts("b"), perturbation=swap, search=RandomSearch())
    assert (first.adversarial.text, first.prediction, first.queries, first.broken) == ("ba", 1, 2, True)
    assert (second.adversarial, second.prediction, second.queries, second.broken) == (None, 1, 1, True)
    assert (third.adversarial, third.prediction, third.queries, third.broken) == (None, 0, 1, False)


@pytest.mark.parametrize("in_flight", [1, 7, 512])
def test_results_do_not_depend_on_order_neighbours_or_batching(in_flight):
    data = examples()
    expected = {(result.example.language, result.example.id): result for result in run(data)}
    shuffled = random.Random(in_flight).sample(data, len(data))
    for shard in (shuffled, shuffled[::3]):
        for result in run(shard, in_flight=in_flight):
            assert result == expected[result.example.language, result.example.id]


def test_the_seed_the_language_and_the_id_choose_the_draws():
    text = SENTENCES["en"]
    label = int(np.argmax(BagOfCharacters.logits(text)))

    def draws(seed=0, language="en", name="0"):
        victim = BagOfCharacters()
        run([Example(name, language, text, label)], victim, seed=seed)
        return [example.text for example in victim.asked]

    assert draws() == draws()
    others = [draws(), draws(seed=1), draws(language="nl"), draws(name="1")]  # the same keyboard
    assert len({tuple(other) for other in others}) == 4


@pytest.mark.parametrize("in_flight", [1, 512])
def test_queries_are_the_distinct_texts_that_the_victim_saw(in_flight):
    victim, data = BagOfCharacters(), examples()
    results = run(data, victim, in_flight=in_flight)
    seen = defaultdict(set)
    for example in victim.asked:
        seen[example.language, example.id].add(example.text)
    assert len(victim.asked) == sum(map(len, seen.values()))  # nothing twice
    assert [result.queries for result in results] == [len(seen[e.language, e.id]) for e in data]


@pytest.mark.parametrize(
    "search", [RandomSearch(draws=50), GreedySearch(), BeamSearch()], ids=lambda s: type(s).__name__
)
@pytest.mark.parametrize("budget", [1, 2, 20, 45])
@pytest.mark.parametrize("in_flight", [3, 512])
def test_budgets_are_never_exceeded_and_counts_exact(search, budget, in_flight):
    victim, data = BagOfCharacters(), examples(2)
    results = run(data, victim, search=search, budget=budget, in_flight=in_flight)
    seen = defaultdict(set)
    for example in victim.asked:
        seen[example.language, example.id].add(example.text)
    assert [result.queries for result in results] == [len(seen[e.language, e.id]) for e in data]
    assert max(result.queries for result in results) == budget
    for result in results:
        if result.adversarial is not None:
            assert result.adversarial.text in seen[result.example.language, result.example.id]
            assert result.prediction == np.argmax(victim.logits(result.adversarial.text))
    if budget == 1:
        assert all(result.adversarial is None and not result.broken for result in results)


@pytest.mark.parametrize(
    "search", [RandomSearch(draws=80), GreedySearch(), BeamSearch()], ids=lambda s: type(s).__name__
)
def test_one_attack_tells_what_every_smaller_budget_would_break(search):
    options = {"search": search, "constraints": [MaxEditDistance(distance=6)]}
    data = examples(2)
    largest = run(data, budget=80, **options)
    for budget in (5, 30, 60):
        for result, more in zip(run(data, budget=budget, **options), largest, strict=True):
            assert result.queries == min(budget, more.queries)
            assert not result.broken or more.broken


def test_a_text_that_the_ranking_asked_breaks_when_the_search_comes_to_it():
    # Without "good" (asked first, for the ranking) the text is wrong, but the search reaches it after all rankings.
    data, victim = [Example("0", "en", "good old day", 0)], BagOfWords({"good": 1.0, "old": -0.5, "day": -0.2})
    options = {"perturbation": WordDropping(), "search": GreedySearch()}
    broken_at = run(data, victim, **options)[0].broken_at
    assert [run(data, victim, budget=budget, **options)[0].broken for budget in range(1, 6)].index(
        True
    ) + 1 == broken_at


def test_texts_that_come_again_are_within_any_budget():
    victim, data = BagOfCharacters(), examples(1)
    assert {result.queries for result in run(data, victim, search=TwoRounds(), budget=4)} == {4}


def test_a_shorter_answer_tells_a_search_that_its_budget_is_used_up():
    answered = []

    class Counting(Search):
        def run(self, example, perturbation, constraints, goal, rng):
            for texts in ("ab", [example.text, "a", "c", "a", "b"], [example.text], "", "cd"):
                asked = [Example(example.id, example.language, text, example.label) for text in texts]
                answered.append((yield asked).shape)
            return None

    text = SENTENCES["en"]
    data = [Example("0", "en", text, int(np.argmax(BagOfCharacters.logits(text))))]
    assert run(data, search=Counting(), budget=3)[0].queries == 3
    assert answered == [(2, 3), (2, 3), (1, 3), (0, 3), (0, 3)]


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, "9"])
def test_wrong_budgets_are_refused(budget):
    with pytest.raises(ValueError, match="Expected argument `budget` to be .*, but got"):
        run(examples(), budget=budget)


def test_repeats_within_an_example_are_asked_and_counted_once():
    victim, data = BagOfCharacters(), examples(1)
    results = run(data, victim, search=TwoRounds())
    assert {result.queries for result in results} == {4}
    assert all(result.adversarial.text == result.example.text + "." for result in results)
    assert len(victim.asked) == 4 * len(data)
    assert [len(call) for call in victim.calls] == [len(data), 2 * len(data), len(data)]  # no call without a question


@pytest.mark.parametrize("in_flight", [1, 512])
def test_repeats_among_examples_are_asked_once_but_counted_for_each(in_flight):
    victim = BagOfCharacters()
    text = SENTENCES["en"]
    label = int(np.argmax(victim.logits(text)))
    results = run(
        [Example(str(at), "en", text, label) for at in range(5)], victim, search=TwoRounds(), in_flight=in_flight
    )
    assert [result.queries for result in results] == [4] * 5
    assert len(victim.asked) == 4


def test_the_same_text_in_another_language_is_another_question():
    victim = BagOfCharacters()
    label = int(np.argmax(victim.logits("test")))
    run([Example("0", language, "test", label) for language in ("en", "de")], victim, search=TwoRounds())
    assert len(victim.asked) == 8


def test_one_call_answers_all_examples_in_flight():
    victim, data = BagOfCharacters(), examples()
    run(data, victim)
    assert [len(call) for call in victim.calls] == [len(data), 6 * len(data)]
    victim = BagOfCharacters()
    run(data, victim, in_flight=10)
    assert max(map(len, victim.calls)) <= 60 and len(victim.calls) <= 2 * -(-len(data) // 10)


def test_examples_that_are_wrong_to_begin_with_are_not_attacked():
    victim = BagOfCharacters()
    data = [Example(e.id, e.language, e.text, (e.label + int(e.id) % 2) % 3) for e in examples()]
    for result in run(data, victim):
        if int(result.example.id) % 2:
            assert result.broken and result.adversarial is None and result.queries == 1
        else:
            assert result.adversarial is not None and result.queries == 7
    assert len(victim.asked) == len(data) // 2 * 8


def test_pairs_keep_the_locked_side():
    text = SENTENCES["en"]
    victim = BagOfCharacters()
    pair = Example("0", ("de", "en"), text, int(np.argmax(victim.logits(text))), text_pair=text)
    run([pair], victim, perturbation=TypoPerturbation(sides=("text_pair",)))
    assert {example.text for example in victim.asked} == {text}
    assert len({example.text_pair for example in victim.asked}) == 7


def test_progress_ends_at_the_total():
    reports, victim = [], BagOfCharacters()
    data = examples()
    run(data, victim, in_flight=10, progress=reports.append)
    results = run(data, BagOfCharacters())
    right = sum(r.adversarial is not None or not r.broken for r in results)
    broken = sum(r.adversarial is not None and r.broken for r in results)
    assert reports == sorted(reports) and reports[-1] == (len(data), len(data), right, broken, len(victim.asked))
    assert len(reports) == len(victim.calls)


def test_progress_is_told_within_a_long_round():
    reports, victim, data = [], BagOfCharacters(), examples()
    run(data, victim, search=RandomSearch(draws=60), progress=reports.append)
    asked = [report.asked for report in reports]
    assert asked[1] == len(data) + 1024 and asked == sorted(asked) and len(reports) == len(victim.calls)


def test_no_examples_no_questions():
    victim = BagOfCharacters()
    assert run([], victim) == [] and victim.calls == []


def test_nan_names_the_example():
    def victim(batch):
        logits = np.zeros((len(batch), 2))
        logits[[example.id == "1" and example.language == "ja" for example in batch], 1] = np.nan
        return logits

    with pytest.raises(ValueError, match=r"NaN for example '1' \(ja\)"):
        run(examples(), victim)


@pytest.mark.parametrize("shape", [(3,), (2, 2), ()])
def test_answers_of_the_wrong_shape_are_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        run(examples()[:3], lambda batch: np.zeros(shape))


def test_in_flight_must_be_positive():
    with pytest.raises(ValueError, match="`in_flight`"):
        run(examples(), in_flight=0)
