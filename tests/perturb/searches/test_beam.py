import itertools
import random

import pytest
from perturb.engine.test_attack import BagOfCharacters
from perturb.engine.test_attack import examples as many
from perturb.victims import BagOfWords, Replacing

from xltrobust.example import Example
from xltrobust.perturb import (
    BeamSearch,
    GreedyEverything,
    GreedySearch,
    MaxEditDistance,
    MaxWordsChanged,
    NoRepeatedModification,
    TypoPerturbation,
    apply_edits,
    attack,
)

# The phrase gains 3 at once, but leaves nothing to do; the words gain 2 each.
TRAP = {"good": 2.0, "day": 1.5, "goody": 0.5, "bad": 0.0, "night": -0.5}
PHRASE = {"good day": ["goody"], "good": ["bad"], "day": ["night"]}


def one(example, victim, table, search, **options):
    return attack([example], victim, perturbation=Replacing(table), search=search, **options)[0]


def test_a_wide_beam_escapes_where_greed_is_trapped():
    example = Example("0", "en", "good day", 0)
    results = {width: one(example, BagOfWords(TRAP), PHRASE, BeamSearch(width=width)) for width in (1, 2, 3)}
    assert (results[1].adversarial.text, results[1].broken) == ("goody", False)
    for width in (2, 3):
        assert (results[width].adversarial.text, results[width].broken) == ("bad night", True)
    assert one(example, BagOfWords(TRAP), PHRASE, GreedyEverything()) == results[1]


def test_sets_of_edits_reached_in_two_ways_are_asked_once():
    victim = BagOfWords(TRAP)
    result = one(Example("0", "en", "good day", 0), victim, PHRASE, BeamSearch(width=3))
    assert sorted(victim.texts) == sorted(["good day", "goody", "bad day", "good night", "bad night"])
    assert result.queries == 5


def test_the_optimum_of_a_linear_victim_is_found_with_the_fewest_edits():
    """Against trying all sets of replacements."""
    for seed in range(30):
        rng = random.Random(seed)
        words = [f"w{at}" for at in range(4)]
        table = {word: [f"{word}n{at}" for at in range(2)] for word in words}
        weights = {word: rng.uniform(0.5, 2) for word in words}
        weights |= {new: rng.uniform(-1.5, 1.5) for own in table.values() for new in own}
        example = Example("0", "en", " ".join(words), 0)
        choices = itertools.product(*([word, *table[word]] for word in words))
        scores = {" ".join(chosen): sum(weights[word] for word in chosen) for chosen in choices}
        fewest = min((sum(len(word) > 2 for word in text.split()) for text, s in scores.items() if s < 0), default=None)
        for search in (BeamSearch(width=1), BeamSearch(width=3), GreedyEverything()):
            result = one(example, BagOfWords(weights), table, search)
            assert result.broken is (fewest is not None)
            if result.broken:
                assert sum(len(word) > 2 for word in result.adversarial.text.split()) == fewest
            else:
                assert result.adversarial.text == min(scores, key=scores.__getitem__)
        result = one(example, BagOfWords(weights), table, GreedySearch())
        assert result.broken is (fewest is not None)


def test_edits_that_do_not_help_are_not_made():
    victim = BagOfWords({"a": 1.0, "b": 1.0, "c": 2.0, "d": 3.0})
    result = one(Example("0", "en", "a b", 0), victim, {"a": ["c"], "b": ["d"]}, BeamSearch(width=2))
    assert (result.adversarial.text, result.prediction, result.queries) == ("c b", 0, 3)


def test_of_the_texts_that_break_it_the_least_changed_is_reported():
    victim = BagOfWords({"word": 1.0, "else": -9.0, "ward": -1.0})
    for name in range(5):  # whatever the random order
        result = one(Example(str(name), "en", "word", 0), victim, {"word": ["else", "ward"]}, BeamSearch())
        assert result.adversarial.text == "ward"


@pytest.mark.parametrize("budget", range(1, 8))
def test_a_budget_cuts_the_same_search_short(budget):
    full, victim = BagOfWords(TRAP), BagOfWords(TRAP)
    example = Example("0", "en", "good day", 0)
    one(example, full, PHRASE, BeamSearch(width=3))
    result = one(example, victim, PHRASE, BeamSearch(width=3), budget=budget)
    assert victim.texts == full.texts[:budget] and result.queries == min(budget, 5)
    assert result.broken is (budget >= 5)
    if budget > 1:
        scores = {text: sum(TRAP[word] for word in text.split()) for text in victim.texts[1:]}
        assert result.adversarial.text == min(scores, key=scores.__getitem__)
    else:
        assert result.adversarial is None


def test_a_short_budget_spares_no_part_of_the_text():
    starts = set()
    example = "one two three four five six seven eight"
    for name in range(40):
        victim = BagOfWords({word: 1.0 for word in example.split()})
        options = {"perturbation": TypoPerturbation(operations=("delete",)), "search": BeamSearch(), "budget": 2}
        attack([Example(str(name), "en", example, 0)], victim, **options)
        starts.add(next(at for at, word in enumerate(example.split()) if word not in victim.texts[1].split()))
    assert len(starts) >= 6


def test_constraints_bound_the_edits():
    example, victim = Example("0", "en", "several ordinary words to type", 0), BagOfWords({})
    victim.weights = {word: 1.0 for word in example.text.split()}
    options = {"perturbation": TypoPerturbation(operations=("delete",)), "search": GreedyEverything()}
    for constraints, left in (
        ([MaxEditDistance(distance=3)], 2.0),
        ([MaxWordsChanged(share=0.4)], 3.0),
        ([NoRepeatedModification()], 0.0),
    ):
        result = attack([example], victim, constraints=constraints, **options)[0]
        assert victim([result.adversarial])[0, 0] == left and result.refused[0] > 0


def test_a_locked_side_stays():
    pair = Example("0", ("en", "de"), "good day", 0, text_pair="good day")
    victim = BagOfWords(TRAP)
    perturbation = Replacing(PHRASE, sides=("text_pair",))
    result = attack([pair], victim, perturbation=perturbation, search=BeamSearch())[0]
    assert set(victim.texts) == {"good day"} and result.adversarial.text_pair == "bad night" and not result.broken
    victim.weights = {**TRAP, "nasty": -3.6}
    result = attack([pair], victim, perturbation=Replacing({"good": ["nasty"]}), search=BeamSearch())[0]
    assert result.broken and {result.adversarial.text, result.adversarial.text_pair} == {"nasty day"}


@pytest.mark.parametrize("text", ["", "a", "7", "我", " "])
def test_texts_of_one_character_or_none(text):
    result = attack([Example("0", "en", text, 0)], BagOfWords({}), perturbation=TypoPerturbation(), search=BeamSearch())
    assert (result[0].adversarial, result[0].prediction, result[0].queries) == (None, 0, 1)
    if text.isalpha():
        result = one(Example("0", "en", text, 0), BagOfWords({"b": -1.0}), {text: ["b"]}, BeamSearch())
        assert result.adversarial.text == "b" and result.broken


@pytest.mark.parametrize(
    "search", [BeamSearch(width=2), GreedyEverything(), GreedySearch(), GreedySearch(ranking="mask")]
)
def test_answers_do_not_depend_on_order_neighbours_or_batching(search):
    data = many(copies=2)
    options = {
        "perturbation": TypoPerturbation(operations=("swap", "delete")),
        "search": search,
        "budget": 400,
        "constraints": [MaxEditDistance(distance=3)],
    }
    expected = {(r.example.language, r.example.id): r for r in attack(data, BagOfCharacters(), **options)}
    for in_flight in (1, 7):
        shuffled = random.Random(in_flight).sample(data, len(data))
        results = attack(shuffled, BagOfCharacters(), in_flight=in_flight, **options)
        assert all(result == expected[result.example.language, result.example.id] for result in results)
    assert sum(r.refused[0] for r in expected.values()) > 0
    assert all(r.adversarial is None or apply_edits(r.example, []) != r.adversarial for r in expected.values())


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "2"])
def test_wrong_widths_are_refused(width):
    with pytest.raises(ValueError, match="Expected argument `width` to be .*, but got"):
        BeamSearch(width=width)
