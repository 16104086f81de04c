import pytest
from perturb.by_hand import results

from xltrobust.perturb.perturbations.punctuation import PunctuationPerturbation


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "en",
            "At 7:30, e.g. 3.5 or .5.",
            {"At 7:30 e.g. 3.5 or .5.", "At 7:30, e.g 3.5 or .5.", "At 7:30, e.g. 3.5 or .5"},
        ),
        ("en", "see example.com", set()),
        ("es", "¿ya?", {"ya?", "¿ya"}),
        ("zh", "灯，好。", {"灯好。", "灯，好"}),
        ("zh", "3，5灯", set()),
        ("ar", "نعم،لا", {"نعم لا"}),  # the words stay apart
        ("hi", "हाँ। नहीं", {"हाँ नहीं"}),
    ],
)
def test_deletions_by_hand(language, text, expected):
    assert results(PunctuationPerturbation(operations=("delete",)), text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "a 7 j'ai-b", {f"a{m} 7 j'ai-b" for m in ".,!?;:"} | {f"a 7 j'ai-b{m}" for m in ".,!?;:"}),
        ("zh", "我7你", {f"我7你{m}" for m in "。,、!?;:"}),
        ("hi", "हाँ", {f"हाँ{m}" for m in "।,?!;"}),
        ("ar", "لا", {f"لا{m}" for m in ".،؛؟!:"}),
        ("en", "x.com 7 :)", {f"x.com{m} 7 :)" for m in ".,!?;:"}),
    ],
)
def test_insertions_by_hand(language, text, expected):
    assert results(PunctuationPerturbation(operations=("insert",)), text, language, seeds=100) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("ur", "ہاں۔", {f"ہاں{m}" for m in "،؛؟!"}),
        ("zh", "好，", {f"好{m}" for m in "。、!?;:"}),  # a comma of either width is the same
        ("en", "¿1.5", set()),
    ],
)
def test_replacements_by_hand(language, text, expected):
    assert results(PunctuationPerturbation(operations=("replace",)), text, language, seeds=100) == expected
