import numpy as np
import pytest

from xltrobust.example import Example
from xltrobust.perturb import (
    BeamSearch,
    Edit,
    GreedySearch,
    MaxCharactersChanged,
    MaxEditDistance,
    MaxWordsChanged,
    NoRepeatedModification,
    Perturbation,
    RandomSearch,
    TypoPerturbation,
    attack,
)

TEN = Example("0", "en", "aa bb cc dd ee ff gg hh ii jj", 0)  # ten words of two letters: 29 characters


def changes(*words, side="text"):
    """An edit of one letter of each of these words."""
    return [Edit(3 * word, 3 * word + 1, "x", side) for word in words]


@pytest.mark.parametrize(("share", "most"), [(0.01, 1), (0.19, 1), (0.2, 2), (0.29, 2), (0.3, 3), (1.0, 10)])
def test_share_of_words_at_its_boundary(share, most):
    constraint = MaxWordsChanged(share=share)
    assert constraint.allows(TEN, changes(*range(most)))
    if most < 10:
        assert not constraint.allows(TEN, changes(*range(most + 1)))


def test_shares_are_not_lost_to_rounding():
    hundred = Example("0", "en", "aa " * 100, 0)
    assert 0.29 * 100 < 29
    assert MaxWordsChanged(share=0.29).allows(hundred, changes(*range(29)))
    assert not MaxWordsChanged(share=0.29).allows(hundred, changes(*range(30)))


def test_a_word_changed_twice_is_one_and_punctuation_none():
    constraint = MaxWordsChanged(share=0.2)
    twice = [Edit(0, 1, "x"), Edit(1, 2, "y"), Edit(3, 4, "z"), Edit(8, 9, " - ")]
    assert constraint.allows(TEN, twice) and not constraint.allows(TEN, [*twice, *changes(5)])


def test_words_joined_are_both_changed():
    assert not MaxWordsChanged(share=0.1).allows(TEN, [Edit(2, 3, "")])
    assert MaxWordsChanged(share=0.2).allows(TEN, [Edit(2, 3, "")])


def test_words_that_are_not_spaced_are_found():
    example = Example("0", "zh", "我们喜欢今天天气", 0)  # four words of two characters
    constraint = MaxWordsChanged(share=0.5)
    assert constraint.allows(example, [Edit(0, 1, "x"), Edit(1, 2, "y"), Edit(6, 7, "z")])
    assert not constraint.allows(example, [Edit(0, 1, "x"), Edit(2, 3, "y"), Edit(6, 7, "z")])


@pytest.mark.parametrize(("constraint", "most"), [(MaxWordsChanged, 3), (MaxCharactersChanged, 8)])
def test_each_text_of_a_pair_has_its_own_share(constraint, most):
    pair = Example("0", "en", TEN.text, 0, text_pair=TEN.text)
    left = [Edit(at, at + 1, "-") for at in range(30) if TEN.text[at : at + 1].isalpha()][: 2 * most]
    left = left[:most] if constraint is MaxCharactersChanged else left
    right = [Edit(edit.start, edit.end, "-", "text_pair") for edit in left]
    own = constraint(share=0.3)
    assert own.allows(pair, left) and own.allows(pair, right) and own.allows(pair, left + right)
    assert not own.allows(pair, [*left, *changes(9)]) and not own.allows(pair, [*left, *changes(9), *right])


def test_share_of_characters_at_its_boundary():
    constraint = MaxCharactersChanged(share=3 / 29)
    assert constraint.allows(TEN, [Edit(0, 2, ""), Edit(5, 5, " ")])
    assert constraint.allows(TEN, [Edit(0, 2, "ba"), Edit(4, 5, "x")])
    assert not constraint.allows(TEN, [Edit(0, 2, "xyzu")])
    assert not constraint.allows(TEN, changes(1, 2, 3, 4))


def test_characters_are_clusters():
    example = Example("0", "hi", "की कि " * 5, 0)  # 20 clusters of 30 characters
    constraint = MaxCharactersChanged(share=0.15)
    assert constraint.allows(example, [Edit(0, 2, "कि"), Edit(6, 8, "कि"), Edit(12, 14, "कि")])
    assert not constraint.allows(example, [Edit(at, at + 2, "कि") for at in (0, 6, 12, 18)])


def test_one_character_of_a_short_text_may_change():
    example = Example("0", "en", "a", 0)
    for constraint in (MaxCharactersChanged(share=0.01), MaxWordsChanged(share=0.01), MaxEditDistance(distance=1)):
        assert constraint.allows(example, [Edit(0, 1, "b")]) and constraint.allows(example, [])
    assert not MaxCharactersChanged(share=0.01).allows(example, [Edit(0, 1, "bc")])
    assert MaxCharactersChanged(share=0.5).allows(Example("0", "en", "", 0), [Edit(0, 0, "b")])


def test_edit_distance_at_its_boundary_over_both_texts():
    pair = Example("0", "en", "abcd", 0, text_pair="abcd")
    constraint = MaxEditDistance(distance=3)
    assert constraint.allows(pair, [Edit(0, 2, "ba"), Edit(3, 4, "", "text_pair")])
    assert not constraint.allows(pair, [Edit(0, 2, "ba"), Edit(2, 4, "", "text_pair")])
    # Edits do not make room for each other, even if together they change nothing.
    assert not constraint.allows(Example("0", "en", "abab", 0), [Edit(0, 2, ""), Edit(4, 4, "ab")])


def test_no_word_is_changed_twice():
    constraint = NoRepeatedModification()
    assert constraint.allows(TEN, changes(*range(10))) and constraint.allows(TEN, [Edit(2, 3, ", "), Edit(5, 6, "; ")])
    assert not constraint.allows(TEN, [Edit(0, 1, "x"), Edit(1, 2, "y")])
    assert not constraint.allows(TEN, [Edit(0, 1, "x"), Edit(2, 3, "")])  # joined to the next
    pair = Example("0", "en", "ab", 0, text_pair="ab")
    assert constraint.allows(pair, [Edit(0, 1, "x"), Edit(0, 1, "x", "text_pair")])


class Letters(Perturbation):
    """Doubles any letter."""

    def candidates(self, example, rng):
        return [
            Edit(at, at + 1, letter * 2, side)
            for side in ("text", "text_pair")
            for at, letter in enumerate(getattr(example, side) or "")
            if letter.isalpha()
        ]


def always_right(batch):
    """Sure of class 0, less so of longer texts."""
    return np.array([[100.0 - len(example.text), 0.0] for example in batch])


def test_refusals_are_counted_for_each_example():
    data = [Example(str(at), "en", "ab cd", 0) for at in range(3)]
    options = {"perturbation": Letters(), "constraints": [MaxEditDistance(distance=1), MaxWordsChanged(share=1.0)]}
    for in_flight in (1, 512):  # four edits an example; each that is left is refused after one is made
        results = attack(data, always_right, search=BeamSearch(width=1), in_flight=in_flight, **options)
        assert [result.refused for result in results] == [(3, 0)] * 3
    results = attack(data, always_right, search=GreedySearch(), **options)
    assert [result.refused for result in results] == [(2, 0)] * 3


@pytest.mark.parametrize(
    "search", [RandomSearch(rate=1.0), GreedySearch(), BeamSearch()], ids=lambda s: type(s).__name__
)
def test_no_search_asks_about_what_is_refused(search):
    asked = []

    def victim(batch):
        asked.extend(batch)
        return np.array([[50.0 - sum(map(ord, example.text)) % 50, 0.0] for example in batch])

    example = Example("0", "en", "one two three four", 0)
    options = {
        "constraints": [MaxWordsChanged(share=0.25), NoRepeatedModification()],
        "perturbation": TypoPerturbation(operations=("swap", "keyboard")),
    }
    result = attack([example], victim, search=search, budget=500, **options)[0]
    typed = [other.text.split() for other in asked if len(other.text.split()) == 4 and other.text.count("  ") == 0]
    assert result.refused[0] > 0 and len(typed) > 5
    assert all(sum(a != b for a, b in zip(own, example.text.split(), strict=True)) <= 1 for own in typed)


@pytest.mark.parametrize("kind", [MaxWordsChanged, MaxCharactersChanged])
@pytest.mark.parametrize("share", [0, -0.1, 1.1, True, "0.1", None])
def test_wrong_shares_are_refused(kind, share):
    with pytest.raises(ValueError, match="Expected argument `share` to be .*, but got"):
        kind(share=share)


@pytest.mark.parametrize("distance", [0, -1, 1.5, True, "2"])
def test_wrong_distances_are_refused(distance):
    with pytest.raises(ValueError, match="Expected argument `distance` to be .*, but got"):
        MaxEditDistance(distance=distance)
