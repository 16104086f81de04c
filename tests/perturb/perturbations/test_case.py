import pytest
from perturb.by_hand import results

from xltrobust.perturb.perturbations.case import CasePerturbation


@pytest.mark.parametrize(
    ("language", "text", "letters", "words"),
    [
        ("en", "aB 7", {"AB 7", "ab 7"}, {"AB 7", "ab 7"}),
        ("de", "aß", {"Aß"}, {"ASS"}),
        ("tr", "iı", {"İı", "iI"}, {"İI"}),
        ("tr", "İI", {"iI", "İı"}, {"iı"}),
        ("az", "I\u0307", {"i"}, {"i"}),
        ("en", "iI", {"II", "ii"}, {"II", "ii"}),
        ("el", "ας", {"Ας", "αΣ"}, {"ΑΣ"}),
        ("el", "ΑΣ", {"αΣ", "Ας", "Ασ"} - {"Ας"}, {"ας"}),
        ("hr", "ǆǅ", {"Ǆǅ", "ǆǆ"}, {"ǄǄ", "ǆǆ"}),
        ("hy", "լույս", {"Լույս", "լՈւյս", "լոՒյս", "լուՅս", "լույՍ"}, {"ԼՈՒՅՍ"}),
        ("ka", "დიახ", set(), set()),
        ("en", "დიახ 我", set(), set()),
        ("zh", "iPhone", set(), set()),
    ],
)
def test_results_by_hand(language, text, letters, words):
    assert results(CasePerturbation(units=("letter",)), text, language) == letters
    assert results(CasePerturbation(units=("word",)), text, language, seeds=20) == words
