import pytest

from xltrobust.text.languages import check_codes, code_of_name, names_column


@pytest.mark.parametrize("name", ["javanese", "german", "../../etc", "", "17", "123"])
def test_what_is_no_code_is_refused_by_the_name_of_the_argument(name):
    check_codes("languages", ["jv", "bbc", "zho_Hans"])
    with pytest.raises(ValueError, match="argument `languages` to name languages by codes") as refused:
        check_codes("languages", ["jv", name], "Or write {code}: {name}.")
    assert f"but got {name!r}" in str(refused.value) and str(refused.value).endswith(f": {name}.")


@pytest.mark.parametrize(
    ("name", "values", "column"),
    [
        ("lang", ["de", "zh-CN"], True),
        ("lang", ["german"], True),  # what is wrong with it is said later
        ("id", ["17", "18"], False),  # Indonesian
        ("de", ["ja", "das haus"], False),
        ("lg", ["de", "zho_Hans"], True),  # also Luganda
        ("de", [], False),
    ],
)
def test_a_code_goes_before_a_column_unless_the_column_holds_codes(name, values, column):
    assert names_column(name, [{"text": "x", name: value} for value in values]) is column
    assert not names_column("fr", [{"text": "x", name: value} for value in values])


def test_the_name_of_a_language_is_answered_with_its_code():
    pytest.importorskip("language_data")
    assert [code_of_name(name) for name in ("javanese", "toba_batak", "Deutsch", "nonsense")] == [
        "jv",
        "bbc",
        "de",
        None,
    ]
    with pytest.raises(
        ValueError, match="but got 'toba_batak': the code of that language is 'bbc'. Or {bbc: toba_batak}"
    ):
        check_codes("source", ["toba_batak"], "Or {{{code}: {name}}}.")
