import random

import pytest

from xltrobust.datamodules.parallel.overlap import OverlapFinder

LATIN = "Turn on the light in the large kitchen"
CHINESE = "请把厨房里的灯打开"
THAI = "เปิดไฟในห้องครัวที่ชั้นสอง"
BURMESE = "မီးဖိုချောင်ထဲကမီးကိုဖွင့်ပါ"


@pytest.mark.parametrize(
    "language, unseen, text",
    [
        ("en", LATIN, LATIN),
        ("en", LATIN, "  TURN ON, the light in the “large” kitchen!"),
        ("en", LATIN, "Ｔurn on the ligh\uff54 in the large kitchen"),  # full-width letters
        ("de", "Die Straße ist groß", "die STRASSE ist gross"),
        ("fr", "un café très serré", "un cafe\u0301 tre\u0300s serre\u0301"),  # the same letters, decomposed
        ("zh", CHINESE, "请把厨房里的灯打开。"),
        ("zh", "我喜欢iPhone手机", "我 喜欢 IPHONE 手机！"),
        ("zh", "７点打开", "7 点打开"),
        ("th", THAI, "เปิดไฟ ในห้องครัว ที่ชั้นสอง!"),
        ("my", BURMESE, BURMESE + "။"),
        ("en", "Yes", "yes."),  # fewer words than an n-gram
    ],
)
def test_exact_copies(language, unseen, text):
    assert OverlapFinder({language: [unseen]})(text, language) == "exact"


@pytest.mark.parametrize(
    "language, unseen, text",
    [
        ("en", LATIN, "Hello! " + LATIN + " before I come home, would you?"),
        ("en", LATIN, "Turn on the light in the large bathroom"),  # five of six n-grams
        ("en", LATIN, "Turn on the light in the big kitchen"),  # four of six
        ("zh", CHINESE, "小明，请把厨房里的灯打开，谢谢"),
        ("zh", CHINESE, "请把厨房里的灯关了"),  # five of seven
        ("th", THAI, "กรุณา" + THAI + "ตอนนี้"),
        ("my", BURMESE, "ကျေးဇူးပြုပြီး၊ " + BURMESE),
    ],
)
def test_near_copies(language, unseen, text):
    assert OverlapFinder({language: [unseen]})(text, language) == "contained"


@pytest.mark.parametrize(
    "language, unseen, text",
    [
        ("en", LATIN, "Turn on the lamp in the large garage"),  # one of six
        ("en", LATIN, "Turn on the light in a small bathroom"),  # three of six: not enough
        ("en", LATIN, "kitchen large the in light the on turn"),
        ("en", "turn off", "please turn off the light"),  # too short to be found within a text
        ("en", LATIN, ""),
        ("en", "!!!", "?"),
        ("zh", CHINESE, "请把卧室里的窗户打开"),
        ("zh", "打开", "请打开灯"),
        ("th", THAI, "ปิดโทรทัศน์ในห้องนอน"),
        ("th", "กี่", "กี่โมง"),  # marks are part of their letter: one character, not an n-gram of three
    ],
)
def test_near_misses(language, unseen, text):
    assert OverlapFinder({language: [unseen]})(text, language) is None


def test_the_share_that_counts_as_contained():
    text = "Turn on the light in a small bathroom"  # holds three of six n-grams
    assert OverlapFinder({"en": [LATIN]}, containment=0.5)(text, "en") == "contained"
    assert OverlapFinder({"en": [LATIN]}, containment=0.51)(text, "en") is None
    # 28 % of 25 n-grams are seven, although 0.28 * 25 > 7 in floating point.
    words = [f"w{number}" for number in range(27)]
    finder = OverlapFinder({"en": [" ".join(words)]}, containment=0.28)
    assert [finder(" ".join(words[:count]), "en") for count in (9, 8)] == ["contained", None]
    assert OverlapFinder({"en": [LATIN]}, containment=1.0)(LATIN + " now", "en") == "contained"


def test_an_ngram_that_comes_twice_counts_once():
    assert OverlapFinder({"en": ["one two three four five six"]})("one two three " * 5, "en") is None


@pytest.mark.parametrize("one, two", [("zh-CN", "zho_Hans"), ("zho_Hans", "zh"), ("de", "de-CH"), ("sw", "swh_Latn")])
def test_spellings_of_a_language(one, two):
    assert OverlapFinder({one: [LATIN]})(LATIN, two) == "exact"


def test_texts_of_several_spellings_are_put_together_and_other_languages_left_alone():
    finder = OverlapFinder({"zh-CN": [CHINESE], "zh-TW": ["請把廚房裡的燈打開"], "en": [LATIN]})
    assert finder(CHINESE, "zh") == finder("請把廚房裡的燈打開", "zh") == "exact"
    assert finder(LATIN, "zh") is finder(CHINESE, "en") is finder(LATIN, "fr") is None


@pytest.mark.parametrize(
    "language, unit, text",
    [
        ("en", "living room", "Living  ROOM!"), ("de-CH", "Wohnzimmer", "wohnzimmer"), ("zh-CN", "客厅", "客厅。"),
        ("th", "living room", "Living room"),  # a task may fill in another language's names
    ],
)  # fmt: skip
def test_units(language, unit, text):
    for unseen in ({}, {language: [LATIN, CHINESE]}):
        finder = OverlapFinder(unseen, {language: [unit, ""]})
        assert finder(text, language[:2]) == "unit"
        assert finder(f"{text} {text}", language) is finder(text, "fr") is finder("", language) is None
    assert OverlapFinder({language: [unit]}, {language: [unit]})(text, language) == "exact"


def test_a_unit_within_a_longer_text_is_no_overlap_and_texts_are_found_beside_units():
    finder = OverlapFinder({"en": [LATIN]}, {"en": ["kitchen", "on"], "de": ["Küche"]})
    assert finder("name of the kitchen", "en") is None
    assert finder("so: " + LATIN, "en") == "contained"
    assert finder("Küche", "de") == "unit" and finder("die Küche", "de") is None


def test_agrees_with_comparing_every_text_with_every_other():
    rng = random.Random(0)
    words = "a b c d e f".split()
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(300)]
    unseen, others = texts[:60], texts[60:]

    def grams(text):
        own = text.split()
        return {" ".join(own[i : i + 2]) for i in range(len(own) - 1)}

    def expected(text):
        if text in unseen:
            return "exact"
        found = any(grams(u) and 10 * len(grams(u) & grams(text)) >= 7 * len(grams(u)) for u in unseen)
        return "contained" if found else None

    finder = OverlapFinder({"en": unseen}, ngram=2, containment=0.7)
    answers = [finder(text, "en") for text in others]
    assert answers == [expected(text) for text in others]
    assert set(answers) == {"exact", "contained", None}


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="`ngram` to be at least 1, but got 0"):
        OverlapFinder({}, ngram=0)
    for share in (0.0, 1.1):
        with pytest.raises(ValueError, match=r"`containment` to be in \(0, 1\], but got"):
            OverlapFinder({}, containment=share)
