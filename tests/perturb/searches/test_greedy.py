import random

import numpy as np
import pytest
from perturb.sentences import SENTENCES
from perturb.victims import BagOfBigrams, BagOfWords, Replacing

from xltrobust.example import Example
from xltrobust.perturb import (
    Edit,
    GreedySearch,
    MaxWordsChanged,
    RandomSearch,
    TypoPerturbation,
    attack,
)
from xltrobust.perturb.searches.guided import by_place

# Without a word: 9 - 1, 9 - 3, 9 - 5. Replacing gains at most 1.5 in a, 4 in b and 6 in c: c and b are needed.
WEIGHTS = {"a": 1.0, "b": 3.0, "c": 5.0, "a2": -0.5, "b1": 2.0, "b2": -1.0, "b3": 4.0, "c1": 0.5, "c2": -1.0}
TABLE = {"a": ["a2"], "b": ["b1", "b2", "b3"], "c": ["c1", "c2"]}
ABC = Example("0", "en", "a b c", 0)


def one(example, victim, table=TABLE, *, budget=None, constraints=(), **options):
    own = {"perturbation": Replacing(table), "search": GreedySearch(**options), "constraints": constraints}
    return attack([example], victim, budget=budget, **own)[0]


@pytest.mark.parametrize("probabilities", [False, True])
def test_the_most_important_words_get_their_best_edits(probabilities):
    victim = BagOfWords(WEIGHTS, probabilities=probabilities)
    result = one(ABC, victim)
    # 9 - 6 - 4 = -1 with c and b; no other two words, and no one word, would do.
    assert (result.adversarial.text, result.prediction, result.broken) == ("a b2 c2", 1, True)
    ranking = ["a b c", "b c", "a c", "a b "]
    assert victim.texts == [*ranking, "a b c1", "a b c2", "a b1 c2", "a b2 c2", "a b3 c2"]
    assert result.queries == len(victim.texts)


def test_masks_stand_for_words():
    victim = BagOfWords(WEIGHTS)
    assert one(ABC, victim, ranking="mask", mask_token="[MASK]").adversarial.text == "a b2 c2"
    assert victim.texts[1:4] == ["[MASK] b c", "a [MASK] c", "a b [MASK]"]
    assert one(ABC, victim, ranking="mask").broken and "<unk> b c" in victim.texts


def test_random_ranking_asks_nothing_and_comes_in_every_order():
    orders = set()
    for name in range(30):
        victim = BagOfWords({**WEIGHTS, "a": 20.0})
        one(Example(str(name), "en", "a b c", 0), victim, ranking="random")
        assert len(victim.texts) == 7 and not {"b c", "a c", "a b "} & set(victim.texts)
        tried = " ".join(victim.texts)
        orders.add(tuple(sorted(("a2", "b1", "c1"), key=tried.index)))
    assert len(orders) == 6


def test_edits_that_do_not_help_are_not_made():
    victim = BagOfWords({"a": 1.0, "b": 1.0, "b1": 0.5})
    result = one(Example("0", "en", "a b", 0), victim, {"a": ["ax", "b"], "b": ["a", "b1"]})
    assert result.adversarial.text == "ax b1" and not result.broken
    victim = BagOfWords({"a": 1.0, "worse": 3.0, "bad": 2.0})
    result = one(Example("0", "en", "a", 0), victim, {"a": ["worse", "bad"]})
    assert (result.adversarial.text, result.prediction) == ("bad", 0)  # the nearest of what was tried


def test_of_the_texts_that_break_it_the_least_changed_is_reported_then_the_first():
    victim = BagOfWords({"word": 1.0, "else": -9.0, "ward": -1.0, "worn": -1.0, "wo": -5.0})
    table = {"word": ["else", "wo", "ward", "worn"]}
    assert one(Example("0", "en", "word", 0), victim, table).adversarial.text == "ward"


def test_fewer_candidates_of_a_word():
    table = {"a": [f"x{at}" for at in range(20)], "b": ["y"]}
    victim = BagOfWords({"a": -1.0, **{f"x{at}": -0.9 for at in range(20)}})
    result = one(Example("0", "en", "a b", 1), victim, table, candidates_per_word=3)
    assert result.queries == 1 + 2 + 3 + 1
    assert len({text for text in victim.texts if text.startswith("x") and text.endswith(" b")}) == 3


def test_constraints_hold_for_all_edits_together():
    constraint = MaxWordsChanged(share=0.4)  # one of three
    result = one(ABC, BagOfWords(WEIGHTS), constraints=[constraint])
    assert (result.adversarial.text, result.broken, result.queries) == ("a b c2", False, 6)
    assert result.refused == (4,)  # those of a and b, after c


@pytest.mark.parametrize("budget", range(1, 11))
def test_a_budget_cuts_the_same_search_short(budget):
    full, victim = BagOfWords(WEIGHTS), BagOfWords(WEIGHTS)
    one(ABC, full)
    result = one(ABC, victim, budget=budget)
    assert victim.texts == full.texts[:budget] and result.queries == min(budget, 9)
    found = ["a b c1", "a b c2", "a b1 c2", "a b2 c2", "a b2 c2", "a b2 c2"]
    assert result.adversarial is None if budget <= 4 else result.adversarial.text == found[budget - 5]
    assert result.broken is (budget >= 8)


def test_where_one_word_may_change_another_takes_its_place():
    # c gains most until c2 is made; only b2, which the constraint refuses beside it, breaks the example.
    victim, one_word = {**WEIGHTS, "b2": -7.0}, [MaxWordsChanged(share=0.34)]
    assert not one(ABC, BagOfWords(victim), constraints=one_word).broken
    result = one(ABC, BagOfWords(victim), constraints=one_word, exchange=True)
    assert result.broken and result.adversarial.text == "a b2 c"
    assert "exchange" not in GreedySearch().described() and GreedySearch(exchange=True).described()["exchange"]


def test_a_locked_side_stays_and_any_other_is_searched():
    pair = Example("0", ("en", "de"), "a b c", 0, text_pair="c a")
    victim = BagOfWords(WEIGHTS)
    for side, locked in (("text", "text_pair"), ("text_pair", "text")):
        victim.asked.clear()
        attack([pair], victim, perturbation=Replacing(TABLE, sides=(side,)), search=GreedySearch())
        assert {getattr(example, locked) for example in victim.asked} == {getattr(pair, locked)}
    result = attack([pair], victim, perturbation=Replacing(TABLE), search=GreedySearch())[0]
    assert (result.adversarial.text, result.adversarial.text_pair) == ("a b2 c2", "c2 a") and result.broken


@pytest.mark.parametrize("text", ["", "a", "7", "我", "!", " "])
@pytest.mark.parametrize("ranking", ["deletion", "mask", "random"])
def test_texts_of_one_character_or_none(text, ranking):
    search = GreedySearch(ranking=ranking)
    result = attack([Example("0", "en", text, 0)], BagOfWords({}), perturbation=TypoPerturbation(), search=search)[0]
    assert (result.adversarial, result.prediction, result.queries) == (None, 0, 1)
    table = {text: ["b"]} if text.isalpha() else {}
    assert one(Example("0", "en", text, 0), BagOfWords({"b": -1.0}), table, ranking=ranking).broken == bool(table)


@pytest.mark.parametrize("language", SENTENCES)
def test_every_edit_has_one_place(language):
    example = Example("0", language, SENTENCES[language], 0)
    edits = TypoPerturbation().candidates(example, random.Random(0))
    places = by_place(example, edits)
    assert sorted(edit for own in places.values() for edit in own) == sorted(edits)
    spans = sorted((place.start, place.end) for place in places)
    assert all(first[1] <= second[0] and first[0] < first[1] for first, second in zip(spans, spans[1:], strict=False))


def test_edits_between_words_have_their_own_place():
    places = by_place(
        Example("0", "en", "ab, cd", 0), [Edit(0, 1, "x"), Edit(2, 3, ";"), Edit(3, 3, "!"), Edit(2, 4, "")]
    )
    assert [(place.start, place.end, len(own)) for place, own in places.items()] == [(0, 2, 2), (2, 3, 1), (3, 3, 1)]
    victim = BagOfWords({})
    attack([Example("0", "en", "ab, cd", 0)], victim, perturbation=Marks(), search=GreedySearch())
    assert victim.texts == ["ab, cd", "ab cd", "ab; cd", "ab,! cd"]  # the place without a word ranks as the original


class Marks(Replacing):
    """Changes the comma, and adds a mark after it."""

    def __init__(self):
        super().__init__({})

    def candidates(self, example, rng):
        at = example.text.index(",")
        return [Edit(at, at + 1, ";"), Edit(at + 1, at + 1, "!")]


def sure_examples():
    """Long texts that the victim is sure of: a handful of random typing errors seldom breaks them."""
    data = []
    for language, text in SENTENCES.items():
        for copy in range(4):
            words = f"{text} {text}".split()
            random.Random(copy).shuffle(words)
            own = " ".join(words)
            if abs(score := BagOfBigrams.score(own)) > 6:
                data.append(Example(str(copy), language, own, int(score <= 0)))
    return data


@pytest.mark.parametrize(
    ("search", "budget", "margin"),
    [
        (GreedySearch(), 600, 0.2),
        (GreedySearch(candidates_per_word=10), 150, 0.3),
        (GreedySearch(ranking="mask", candidates_per_word=4), 150, 0.2),
        (GreedySearch(ranking="random", candidates_per_word=4), 60, 0.15),
    ],
)
def test_guidance_beats_chance_at_equal_queries(search, budget, margin):
    data, shares = sure_examples(), []
    assert len(data) >= 30
    for own in (search, RandomSearch(draws=budget, rate=0.5)):
        options = {"perturbation": TypoPerturbation(), "constraints": [MaxWordsChanged(share=0.5)]}
        results = attack(data, BagOfBigrams(), search=own, budget=budget, **options)
        assert max(result.queries for result in results) <= budget
        shares.append(np.mean([result.broken for result in results]))
    assert shares[0] > shares[1] + margin


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("ranking", "saliency"),
        ("ranking", None),
        ("mask_token", ""),
        ("mask_token", None),
        ("candidates_per_word", 0),
        ("candidates_per_word", True),
        ("candidates_per_word", 1.5),
    ],
)
def test_wrong_arguments_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"Expected argument `{argument}` to be .*, but got"):
        GreedySearch(**{argument: value})
