import pytest
from perturb.by_hand import results

from xltrobust.perturb.perturbations.diacritics import DiacriticsPerturbation


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fr", "été", {"eté", "éte"}),
        ("fr", "e\u0301a", {"ea"}),
        ("vi", "ế", {"e", "ê", "é"}),
        ("vi", "đi", {"di"}),
        ("ru", "ёй", {"ей", "ёи"}),
        ("ar", "أمَ", {"امَ", "أم"}),
        ("ar", "ؤئ", set()),
        ("hi", "ज़िक", {"जिक"}),
        ("hi", "कि क्षै", set()),  # vowel signs and viramas stay
        ("th", "ด้วย", {"ดวย"}),
        ("ja", "が", set()),
        ("en", "plain", set()),
    ],
)
def test_removals_by_hand(language, text, expected):
    assert results(DiacriticsPerturbation(operations=("remove",)), text, language, seeds=30) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Ubx", {"Übx"}),
        ("pl", "u z", {"u ź", "u ż"}),
        ("en", "c", {"ç"}),
        ("tr", "i", set()),
        ("fr", "é7", set()),
        ("el", "ι", {"ί", "ϊ"}),
        ("ru", "и", {"и\u0301", "й"}),
        ("ar", "م", {"مَ", "مُ", "مِ", "مْ"}),
        ("hi", "जि ज", {"जि ज\u093c"}),
        ("ko", "가", set()),
    ],
)
def test_additions_by_hand(language, text, expected):
    assert results(DiacriticsPerturbation(operations=("add",)), text, language, seeds=60) == expected


def test_support_depends_on_the_operations():
    remove, add = (DiacriticsPerturbation(operations=(operation,)) for operation in ("remove", "add"))
    assert [remove.supports(code) for code in ("en", "fr", "th", "he", "zh")] == [False, True, True, False, False]
    assert [add.supports(code) for code in ("en", "fr", "th", "he", "zh")] == [True, True, False, False, False]
    assert results(remove, "café", "en") == set()
