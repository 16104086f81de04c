import random

import pytest

from perturb.sentences import SENTENCES
from xltrobust.example import Example
from xltrobust.perturb.edits import Edit, distance, overlaps_any, touched_words, word_parts
from xltrobust.perturb.perturbations.typos import TypoPerturbation
from xltrobust.text.words import count_words, split_words


@pytest.mark.parametrize("language", SENTENCES)
def test_there_are_as_many_parts_as_words_and_they_hold_all_letters(language):
    text = SENTENCES[language]
    parts = word_parts(text)
    assert len(parts) == count_words(text) and all(start < end for start, end in parts)
    covered = [at for start, end in parts for at in range(start, end)]
    assert covered == [at for word in split_words(text) for at in range(word.bounds[0], word.bounds[-1])]


@pytest.mark.parametrize("language", SENTENCES)
def test_a_typing_error_touches_one_word_or_swaps_across_two_estimated_ones(language):
    example = Example("0", language, SENTENCES[language], 0)
    parts = word_parts(example.text)
    for edit in TypoPerturbation().candidates(example, random.Random(0)):
        touched = touched_words(example.text, edit)
        assert len(touched) == 1 or (len(touched) == 2 and language in ("zh-CN", "ja", "th"))
        assert all(parts[at][0] <= edit.end and edit.start <= parts[at][1] for at in touched)


@pytest.mark.parametrize(
    ("text", "edit", "touched"),
    [
        ("a b", Edit(1, 2, ""), (0, 1)),  # joined
        ("a b", Edit(1, 2, "-"), ()),
        ("a b", Edit(1, 1, "x"), (0,)),
        ("a b", Edit(2, 2, "x"), (1,)),
        ("a b", Edit(1, 2, "x"), (0, 1)),
        ("a, b", Edit(1, 2, ""), ()),
        ("a,b", Edit(1, 2, ""), (0, 1)),
        ("ab", Edit(1, 1, " "), (0,)),  # parted
        ("ab", Edit(2, 2, "!"), ()),
        ("ab", Edit(2, 2, "7"), (0,)),
        ("ab cd ef", Edit(1, 7, "x"), (0, 1, 2)),
        ("我喜欢iPhone吗", Edit(3, 3, "x"), (1,)),  # between two words without a gap
        ("我喜欢iPhone吗", Edit(2, 3, "吃"), (1,)),
        ("我喜欢iPhone吗", Edit(3, 9, "x"), (2,)),
        ("", Edit(0, 0, "x"), ()),
        ("7", Edit(0, 1, "x"), ()),
    ],
)
def test_what_is_touched(text, edit, touched):
    assert touched_words(text, edit) == touched


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [("", "", 0), ("kitten", "sitting", 3), ("ab", "ba", 2), ("a", "", 1), ("e\u0301", "e", 1), ("👩\u200d👧", "x", 1)],
)
def test_distance_in_clusters(before, after, expected):
    assert distance(before, after) == distance(after, before) == expected


def test_overlap():
    others = [Edit(2, 4, "x"), Edit(6, 6, "y")]
    fits = [Edit(0, 2, ""), Edit(4, 6, ""), Edit(4, 4, "z"), Edit(7, 8, ""), Edit(2, 4, "x", "text_pair")]
    clashes = [Edit(2, 2, "z"), Edit(3, 3, "z"), Edit(3, 5, ""), Edit(6, 6, "z"), Edit(5, 7, "")]
    assert not any(overlaps_any(edit, others) for edit in fits) and all(overlaps_any(edit, others) for edit in clashes)
