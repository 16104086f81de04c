"""How much a text was changed, counted by hand."""

import random
from functools import cache

import pytest

from xltrobust.example import Example
from xltrobust.metrics.changes import changes
from xltrobust.text.words import split_clusters, word_parts


def compare(old, new, old_pair=None, new_pair=None):
    return changes(Example("0", "en", old, 0, old_pair), Example("0", "en", new, 0, new_pair))


@pytest.mark.parametrize(
    ("old", "new", "words", "characters"),
    [
        ("turn it off", "turn it off", 0, 0),
        ("turn it off", "turn off", 1 / 3, 3 / 11),  # a word and a space left out
        ("turn it off", "turnit off", 2 / 3, 1 / 11),  # two words became one: one replaced, one left out
        ("turn it off", "off it turn", 2 / 3, 8 / 11),  # 4 to make "off" of "turn", and 4 back
        ("turn it off!", "turn it off?", 0, 1 / 12),  # punctuation is no word
        ("at 7", "at 8", 0, 1 / 4),  # nor are digits
        ("hello", "", 1, 1),
        ("hello", "a b c d e f", 6, 11 / 5),  # more than there was
        ("", "a b", 2, 3),  # over at least one
        ("", "", 0, 0),
        ("关掉厨房的灯", "关掉厨房的火", 1 / 4, 1 / 6),  # 关掉 厨房 的 灯
        ("关掉厨房的灯", "打开厨房的灯", 1 / 4, 2 / 6),
        ("बत्ती जलाओ", "बत्ता जलाओ", 1 / 2, 1 / 6),  # ब त्ती, a space, ज ला ओ
        ("क्षमा", "क्षम", 1, 1 / 2),  # क्ष मा
        ("👩\u200d👧 ja", "👩 ja", 0, 1 / 4),  # a family is one character
    ],
)
def test_words_and_characters_are_counted_over_the_originals(old, new, words, characters):
    found = compare(old, new)
    assert found.changed == (None if old == new else "text")
    assert (found.words, found.characters) == (pytest.approx(words), pytest.approx(characters))


@pytest.mark.parametrize(
    ("new", "new_pair", "side", "words", "characters"),
    [
        ("good day", "bad night now", None, 0, 0),
        ("goo day", "bad night now", "text", 1 / 5, 1 / 21),
        ("good day", "bad now", "text_pair", 1 / 5, 6 / 21),
        ("day", "bad nights now", "both", 2 / 5, 6 / 21),
        ("good day", "", "text_pair", 3 / 5, 13 / 21),
    ],
)
def test_both_texts_of_a_pair_count_together(new, new_pair, side, words, characters):
    found = compare("good day", new, "bad night now", new_pair)
    assert found == (side, pytest.approx(words), pytest.approx(characters))


def test_the_sides_are_apart_where_words_move_from_one_to_the_other():
    assert compare("a b", "a", "c", "b c") == ("both", 2 / 3, 4 / 4)
    assert compare("a", "b", "b", "a") == ("both", 1, 1)


def levenshtein(old, new):
    """By the recursion that defines it."""

    @cache
    def from_ends(n, m):
        if not n or not m:
            return n + m
        replaced = from_ends(n - 1, m - 1) + (old[n - 1] != new[m - 1])
        return min(replaced, from_ends(n - 1, m) + 1, from_ends(n, m - 1) + 1)

    return from_ends(len(old), len(new))


def test_distances_are_those_of_the_definition():
    rng = random.Random(0)
    for _ in range(100):
        old, new = ("".join(rng.choices("ab किम 我,", k=rng.randint(0, 12))) for _ in "12")
        found = compare(old, new)
        words = [[text[start:end] for start, end in word_parts(text)] for text in (old, new)]
        clusters = [split_clusters(old), split_clusters(new)]
        assert found.words == levenshtein(*words) / max(1, len(words[0]))
        assert found.characters == levenshtein(*clusters) / max(1, len(clusters[0]))
