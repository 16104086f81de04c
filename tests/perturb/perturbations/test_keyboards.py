import random
import unicodedata

import pytest

from xltrobust.perturb.perturbations.keyboards import _BY_LANGUAGE, has_keyboard, is_mark, neighbours


@pytest.mark.parametrize(
    ("language", "character", "expected"),
    [
        ("en", "g", "ftyhvb"),
        ("eng_Latn", "Q", "WA"),
        ("de", "z", "tugh"),
        ("de-CH", "ö", "pülä"),
        ("fr", "a", "ézq"),
        ("fr-FR", "M", "PLÙ"),
        ("es", "ñ", "pl"),
        ("tr", "ı", "uojk"),
        ("tr", "I", "UOJK"),
        ("tr", "ş", "pğliç"),
        ("tr", "Ş", "PĞLİÇ"),
        ("sv", "å", "pöä"),
        ("nb", "ø", "påæl"),
        ("rus_Cyrl", "а", "кевпсм"),
        ("uk", "і", "цуфвяч"),
        ("bg", "ж", "шщогэф"),
        ("el", "α", "σςζ"),
        ("el", "Σ", "ΕΑΔΖΧ"),
        ("he", "א", "רטכע"),
        ("ar", "ب", "قفيلؤر"),
        ("fa", "گ", "کجچ"),
        ("th", "้", "ั่ิีื"),
        ("hi", "क", "गदरतस"),
        ("ko", "ㅋ", "ㅁㄴㅌ"),
    ],
)
def test_neighbours_by_hand(language, character, expected):
    assert sorted(neighbours(language, character)) == sorted(expected)


@pytest.mark.parametrize("language", _BY_LANGUAGE)
def test_every_layout_is_well_formed(language):
    keys = [key for layer in _BY_LANGUAGE[language] for row in layer for key in row if key != " "]
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert unicodedata.category(key)[0] in "LM" and unicodedata.normalize("NFC", key) == key
        near = neighbours(language, key)
        assert key not in near and len(set(near)) == len(near) and set(near) <= set(keys)
        for other in near:
            assert key in neighbours(language, other), (key, other)
            assert is_mark(other) == is_mark(key)


@pytest.mark.parametrize(
    "language", [language for language in _BY_LANGUAGE if language in "en de fr tr ru uk el".split()]
)
def test_capitals_have_capitals_for_neighbours(language):
    for layer in _BY_LANGUAGE[language]:
        for key in "".join(layer).replace(" ", ""):
            capital = "İ" if (language, key) == ("tr", "i") else key.upper()
            if len(capital) == 1 and capital != key:
                near = neighbours(language, capital)
                assert near and capital not in near and all(other == other.upper() for other in near)


def test_a_korean_syllable_stays_one_syllable_with_one_jamo_changed():
    rng = random.Random(0)
    found = 0
    for _ in range(300):
        syllable = chr(rng.randrange(ord("가"), ord("힣") + 1))
        before = unicodedata.normalize("NFD", syllable)
        for near in neighbours("ko", syllable):
            after = unicodedata.normalize("NFD", near)
            assert "가" <= near <= "힣" and len(after) == len(before)
            assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
            found += 1
    assert found > 1000
    assert set(neighbours("ko", "가")) == set("다사아라갸개거기그")


@pytest.mark.parametrize(
    ("language", "character"), [("zh-CN", "我"), ("ja", "a"), ("de", "7"), ("pt", "ã"), ("ru", "q")]
)
def test_unknown_layouts_and_keys_have_no_neighbours(language, character):
    assert neighbours(language, character) == ""


def test_has_keyboard():
    assert has_keyboard("kor_Hang") and has_keyboard("pes_Arab") and not has_keyboard("ja") and not has_keyboard("yo")


@pytest.mark.parametrize("character", ["", "ab", "e\u0301"])
def test_more_or_less_than_one_code_point_is_refused(character):
    with pytest.raises(ValueError, match="`character`"):
        neighbours("en", character)
