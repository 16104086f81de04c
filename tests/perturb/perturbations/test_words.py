import pytest
from perturb.by_hand import results

from xltrobust.perturb.perturbations.words import LocalReordering, WordDropping


@pytest.mark.parametrize(
    ("text", "dropped", "swapped"),
    [
        ("one", set(), set()),
        ("one two", {"two", "one"}, {"two one"}),
        ("aa  aa", {"aa"}, set()),
        ("(one two), three!", {"(two), three!", "(one), three!", "(one two),!"}, {"(two one), three!"}),
        ("at 7 pm B2", {"7 pm B2", "at 7 B2"}, set()),
        ("l'un rendez-vous", {"rendez-vous", "l'un"}, {"rendez-vous l'un"}),
        ("क्या है।", {"है।", "क्या।"}, {"है क्या।"}),
        ("می\u200cکنم آن", {"آن", "می\u200cکنم"}, {"آن می\u200cکنم"}),
        ("ab 我很喜欢 cd", {"我很喜欢 cd", "ab 我很喜欢"}, set()),
    ],
)
def test_results_by_hand(text, dropped, swapped):
    assert results(WordDropping(), text) == dropped
    assert results(LocalReordering(), text) == swapped
