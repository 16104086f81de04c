import random

import pytest

from xltrobust.example import Example
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.edits import Edit, apply_edits


class Fixed(Perturbation):
    def __init__(self, edits):
        self.edits = edits

    def candidates(self, example, rng):
        return self.edits


def test_apply_edits_uses_the_offsets_of_the_original_whatever_the_order_of_edits():
    example = Example("0", "en", "one two three", 0)
    edits = [Edit(0, 3, "eleven"), Edit(4, 4, "x"), Edit(8, 13, "")]
    for seed in range(6):
        random.Random(seed).shuffle(edits)
        assert apply_edits(example, edits) == Example("0", "en", "eleven xtwo ", 0)
    assert example.text == "one two three"


def test_apply_edits_keeps_the_sides_apart():
    example = Example("0", "en", "abc", 1, text_pair="abc")
    changed = apply_edits(example, [Edit(0, 2, "x"), Edit(1, 3, "y", "text_pair")])
    assert (changed.text, changed.text_pair, changed.label, changed.id) == ("xc", "ay", 1, "0")


def test_apply_edits_refuses_overlaps():
    with pytest.raises(ValueError, match="not to overlap"):
        apply_edits(Example("0", "en", "abc", 0), [Edit(0, 2, "x"), Edit(1, 3, "y")])


def test_sample_is_one_of_the_candidates_and_reaches_all_of_them():
    example, edits, rng = Example("0", "en", "abc", 0), [Edit(0, 1, "x"), Edit(1, 2, "x")], random.Random(0)
    assert {Fixed(edits).sample(example, rng) for _ in range(50)} == set(edits)
    assert Fixed([]).sample(example, rng) is None
