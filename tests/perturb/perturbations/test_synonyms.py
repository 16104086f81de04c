import json
import pickle
import random

import pytest
from perturb.by_hand import results

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.perturbations.synonyms import SynonymSubstitution


@pytest.fixture
def tables(tmp_path):
    english = {"lamp": ["light", "lantern", "light bulb"], "turn off": ["shut"], "Bank": ["lender"], "bank": ["shore"]}
    (tmp_path / "en.json").write_text(json.dumps(english), encoding="utf8")
    (tmp_path / "hi.tsv").write_text("बत्ती\tलाइट\tदीया\n", encoding="utf8")
    (tmp_path / "zh.dat").write_text("UTF-8\n打开|1\n-|开启|启动\n", encoding="utf8")
    return {
        code: str(tmp_path / name) for code, name in {"en": "en.json", "hin_Deva": "hi.tsv", "zh": "zh.dat"}.items()
    }


def test_results_by_hand(tables):
    synonyms = SynonymSubstitution(tables=tables)
    assert results(synonyms, "Lamp on, bank!", "en-GB") == {"Light on, bank!", "Lantern on, bank!", "Lamp on, shore!"}
    assert results(synonyms, "बत्ती जलाओ", "hi") == {"लाइट जलाओ", "दीया जलाओ"}
    assert results(synonyms, "请打开灯。", "zho_Hans") == {"请开启灯。", "请启动灯。"}
    assert results(synonyms, "lamp", "de") == results(synonyms, "", "en") == results(synonyms, "a", "en") == set()
    assert results(SynonymSubstitution(tables=tables, max_synonyms=1), "lamp") == {"light"}
    assert "LIGHT BULB" in results(SynonymSubstitution(tables=tables, multiword=True), "LAMP")


def test_tables_are_case_sensitive_and_cut_as_told(tables):
    synonyms = SynonymSubstitution(tables=tables)
    expected = {"lamp": ("light", "lantern"), "Bank": ("lender",), "bank": ("shore",)}
    assert synonyms.table("eng_Latn") == expected
    assert pickle.loads(pickle.dumps(synonyms)).table("en") == expected
    assert SynonymSubstitution(tables=tables, max_synonyms=1).table("en")["lamp"] == ("light",)
    whole = SynonymSubstitution(tables=tables, multiword=True).table("en")
    assert whole["turn off"] == ("shut",) and whole["lamp"][2] == "light bulb"
    assert "LAMP" not in synonyms.table("en")


def test_languages_without_a_table_are_refused(tables):
    synonyms = SynonymSubstitution(tables=tables)
    assert [synonyms.supports(code) for code in ("eng", "hi", "zh-TW", "de")] == [True, True, True, False]
    message = "SynonymSubstitution cannot change de: it has no synonym table here; use TypoPerturbation instead"
    for refused in (synonyms.require, synonyms.table):
        with pytest.raises(UserError, match=message):
            refused("de")


def test_each_side_in_its_language(tables):
    example = Example("0", ("hi", "en"), "बत्ती lamp", 0, text_pair="बत्ती lamp")
    synonyms = SynonymSubstitution(tables=tables, max_synonyms=1)
    first, second = Edit(0, 5, "लाइट"), Edit(6, 10, "light", "text_pair")
    assert synonyms.candidates(example, random.Random(0)) == [first, second]
    assert {synonyms.sample(example, random.Random(seed)) for seed in range(20)} == {first, second}
    only = SynonymSubstitution(tables=tables, max_synonyms=1, sides=["text_pair"])
    assert only.candidates(example, random.Random(0)) == [second]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tables": {}}, "Expected argument `tables`"),
        ({"tables": {"en": "a.tsv", "eng_Latn": "b.tsv"}}, "Expected argument `tables` to have one table for each"),
        ({"tables": {"not a code": "a.tsv"}}, "Expected a language code"),
        ({"tables": {"en": "a.tsv"}, "max_synonyms": 0}, "Expected argument `max_synonyms`"),
        ({"tables": {"en": "a.tsv"}, "sides": []}, "Expected argument `sides`"),
        ({"tables": {"en": "gone.tsv"}}, "gone.tsv: No such file"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        SynonymSubstitution(**options)
