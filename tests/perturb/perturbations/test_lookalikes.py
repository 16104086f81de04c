import sys
import unicodedata

import pytest
from perturb.by_hand import results

from xltrobust.errors import MissingPackage
from xltrobust.perturb.perturbations import lookalikes as module
from xltrobust.perturb.perturbations.lookalikes import LookalikePerturbation, lookalikes
from xltrobust.text.words import script


@pytest.mark.parametrize(
    ("letter", "other"),
    [("a", "а"), ("о", "o"), ("Α", "A"), ("é", "е\u0301"), ("カ", "力"), ("ك", "ک"), ("ย", "ຍ"), ("晚", "晩")],
)
def test_lookalikes_by_hand(letter, other):
    assert other in lookalikes(letter)


@pytest.mark.parametrize("letter", ["क", "한", "7", "|", "👩", "\u0301", "ด", "\ud800"])
def test_what_has_no_lookalike_of_another_script_is_left_alone(letter):
    assert lookalikes(letter) == ()


def test_lookalikes_are_letters_of_another_script_or_variants_of_their_own_that_nfkc_keeps():
    for letter in map(chr, range(0x41, 0xFFFF)):
        if unicodedata.category(letter)[0] != "L":
            continue
        for other in lookalikes(letter):
            bases = [unicodedata.normalize("NFD", c)[0] for c in (letter, other)]
            assert script(bases[0]) != script(bases[1]) or script(bases[0]) in ("ARABIC", "CJK")
            assert unicodedata.category(bases[1])[0] == "L"
            assert unicodedata.normalize("NFKC", other) != unicodedata.normalize("NFKC", letter)
            directions = [unicodedata.bidirectional(base) in ("R", "AL") for base in bases]
            assert directions[0] == directions[1]


def test_sequences_and_digits():
    assert results(LookalikePerturbation(), "7 d.") == {"7 ԁ."}


def test_a_missing_package_is_named(monkeypatch):
    module._groups.cache_clear()
    monkeypatch.setitem(sys.modules, "confusable_homoglyphs", None)
    with pytest.raises(MissingPackage, match="LookalikePerturbation needs the package confusable-homoglyphs"):
        LookalikePerturbation()
    monkeypatch.undo()
    module._groups.cache_clear()
    LookalikePerturbation()
