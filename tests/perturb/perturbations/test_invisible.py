"""Edits that are not seen: rendered, a perturbed text is the original, pixel by pixel."""

import random
from collections import Counter
from functools import cache
from pathlib import Path

import matplotlib
import pytest
from perturb.by_hand import results
from perturb.sentences import HARDER, ODD, SENTENCES
from PIL import Image, ImageDraw, ImageFont, features

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb import (
    BidiPerturbation,
    DeletionPerturbation,
    RandomSearch,
    TextVictim,
    ZeroWidthPerturbation,
    apply_edits,
    attack,
)
from xltrobust.perturb.draws import random_edits
from xltrobust.text.words import split_clusters

CLASSES = (ZeroWidthPerturbation, BidiPerturbation, DeletionPerturbation)
WITHOUT_BIDI = {"ar", "fa", "hi", "hin_Deva", "ben_Beng", "urd_Arab"}
MIXED = {"en": "He said שלום לך, 12 times", "he": "אבא אמר hello world 12 (שלום)", "ar": "قال hello world ٣ مرات"}
TEXTS = [*SENTENCES.items(), *HARDER.items(), *MIXED.items(), ("he", "אב"), ("ko", "ㄱㄴ")]


@cache
def font() -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, 16, layout_engine=ImageFont.Layout.RAQM)


def rendered(text: str) -> bytes:
    image = Image.new("L", (800, 30))
    # Without kerning, which is by neighbours in memory and moves letters by fractions of a pixel.
    ImageDraw.Draw(image).text((2, 2), text, fill=255, font=font(), features=["-kern"])
    return image.tobytes()


def backspaced(text: str) -> str:
    shown: list[str] = []
    for character in text:
        if character == "\u0008":
            shown.pop()
        else:
            shown.append(character)
    return "".join(shown)


@pytest.mark.skipif(not features.check("raqm"), reason="Pillow was built without Raqm, which orders and joins letters")
@pytest.mark.parametrize("kind", [ZeroWidthPerturbation, BidiPerturbation])
def test_perturbed_texts_are_rendered_as_the_original(kind):
    seen = 0
    for language, text in TEXTS:
        example, perturbation, rng = Example("0", language, text, 0), kind(), random.Random(1)
        original = rendered(text)
        for count in (1, 3, 20):  # 20: all words of a text, so that directions of paragraphs rest on marks alone
            edits = random_edits(example, perturbation, (), count, rng)
            changed = apply_edits(example, edits).text
            assert rendered(changed) == original, ascii(changed)
            seen += changed != text
    assert seen > 40
    assert rendered("ab") != rendered("ba") and rendered("قال") != rendered("ق\u200cال")  # differences would be seen


def test_what_a_backspace_deletes_is_what_was_inserted():
    for language, text in TEXTS:
        example = Example("0", language, text, 0)
        candidates = DeletionPerturbation().candidates(example, random.Random(0))
        assert candidates
        for edit in candidates:
            assert backspaced(apply_edits(example, [edit]).text) == text


def test_by_hand():
    assert results(ZeroWidthPerturbation(characters=["space"]), "am I") == {"a\u200bm I"}
    assert len(results(ZeroWidthPerturbation(), "am")) == 4
    assert results(ZeroWidthPerturbation(), "من", "ar") == {"م\u200bن", "م\u2060ن"}
    assert results(ZeroWidthPerturbation(), "कब", "hi") == {"क\u200bब", "क\u2060ब"}
    assert results(BidiPerturbation(), "am I") == {"\u200e\u2066\u202ema\u202c\u2069\u200e I"}
    assert results(BidiPerturbation(), "אב", "he") == {"\u200f\u2067\u202dבא\u202c\u2069\u200f"}
    assert results(DeletionPerturbation(), "am I") == {"aa\u0008m I", "am\u0008m I"}
    assert results(DeletionPerturbation(), "我们", "zh") == {f"我{letter}\u0008们" for letter in "io"}


@pytest.mark.parametrize("text", ["", "a", "7:30", "fi", "of", "aa", "e\u0301a", "من", "👩\u200d👧", "a b"])
def test_no_two_letters_that_can_be_swapped_unseen(text):
    assert results(BidiPerturbation(), text) == set()


@pytest.mark.parametrize("kind", CLASSES)
def test_letters_stay_whole_in_real_and_strange_texts(kind):
    for language, text in [*TEXTS, *(("en", odd) for odd in ODD)]:
        example, perturbation = Example("0", language, text, 0), kind()
        assert perturbation.supports(language) == (kind is not BidiPerturbation or language not in WITHOUT_BIDI)
        candidates = perturbation.candidates(example, random.Random(0))
        assert len(set(candidates)) == len(candidates)
        for edit in candidates:
            changed = apply_edits(example, [edit]).text
            assert changed != text
            # What is left without the edit's own characters are the text's clusters, in some order.
            left = Counter(each.rstrip("\u200c\u200d") for each in split_clusters(changed))
            assert left >= Counter(each.rstrip("\u200c\u200d") for each in split_clusters(text))


def test_scripts_whose_letters_join_are_refused_for_bidi():
    with pytest.raises(UserError, match="^BidiPerturbation cannot change ar: .*; use ZeroWidthPerturbation instead"):
        BidiPerturbation().require("ar")


@pytest.mark.parametrize("value", [(), ("both",), "space"])
def test_unknown_characters_are_refused(value):
    with pytest.raises(ValueError, match="Expected argument `characters`"):
        ZeroWidthPerturbation(characters=value)


@pytest.mark.parametrize("kind", CLASSES)
def test_random_search_draws_as_many_texts_as_it_is_told(kind):
    """Texts that look the same count as different ones."""
    asked = []

    def classify(texts):
        asked.extend(texts)
        return [[1.0, 0.0]] * len(texts)

    example = Example("0", "en", "Turn off the lights in the kitchen", 0)
    attack([example], TextVictim(classify), perturbation=kind(), search=RandomSearch(draws=8))
    assert len(set(asked)) == 9
