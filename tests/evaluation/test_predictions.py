"""The rows of predictions and the records of attacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import parquet

from xltrobust.errors import UserError
from xltrobust.evaluation.from_rows import attacked_figures_of
from xltrobust.evaluation.predictions import EMPTY_ROW, attack_record, prediction_row, write_predictions
from xltrobust.evaluation.session import read_rows
from xltrobust.example import EvaluationSet, Example
from xltrobust.perturb import Attack, KeepNumbers, MaxWordsChanged, RandomSearch, TypoPerturbation
from xltrobust.perturb.base import AttackResult
from xltrobust.runs.folder import RunFolder

FIRST = Example("a", ("en", "zh"), "turn it off", 2, "关掉灯", group="g")
SECOND = Example("b", ("en", "zh"), "turn it on", 1, "开灯")
OWN = EvaluationSet("test", ("en", "zh"), [FIRST, SECOND])
CHANGED = Example("a", ("en", "zh"), "turn off", 2, "关掉火", group="g")
RESULT = AttackResult(FIRST, CHANGED, 0, queries=7, backwards=1, broken=True, broken_at=6, refused=(2, 3, 4))
UNTRIED = AttackResult(SECOND, None, 1, queries=1, broken=False, refused=(0, 0, 1))


def test_a_clean_row_holds_the_example_and_the_prediction():
    assert prediction_row(OWN, 0, 1) == EMPTY_ROW | {
        "id": "a", "group": "g", "split": "test", "language": "en>zh", "label": 2, "prediction": 1, "attack": None,
        "text": "turn it off", "text_pair": "关掉灯", "adversarial_text": None, "adversarial_text_pair": None,
        "queries": None,
    }  # fmt: skip
    assert prediction_row(OWN, 1, 1)["group"] == "b"  # an example by itself is its own group


def test_an_attacked_row_holds_what_was_found_and_how_much_was_changed():
    row = prediction_row(OWN, 0, 0, "typo", RESULT)
    assert row | prediction_row(OWN, 0, 0) == prediction_row(OWN, 0, 0)  # the same columns
    assert (row["attack"], row["adversarial_text"], row["adversarial_text_pair"]) == ("typo", "turn off", "关掉火")
    assert (row["queries"], row["backwards"], row["broken_at"], row["similarity"]) == (7, 1, 6, None)
    # 关掉 灯: a word of three left out, and one of two replaced; 3 of 11 characters, and 1 of 3.
    assert (row["changed"], row["words_changed"], row["characters_changed"]) == (
        "both", pytest.approx(2 / 5), pytest.approx(4 / 14)
    )  # fmt: skip


def test_where_nothing_was_tried_only_the_passes_are_told():
    row = prediction_row(OWN, 1, 1, "typo", UNTRIED)
    assert (row["queries"], row["backwards"], row["broken_at"]) == (1, 0, None)
    assert {row[name] for name in ("adversarial_text", "changed", "words_changed", "characters_changed")} == {None}


def test_answers_with_several_labels_are_compared_as_a_whole(tmp_path: Path):
    clean = prediction_row(OWN, 0, (0, 1)) | {"label": (0, 1), "language": "en"}
    rows = [clean, clean | {"attack": "typo", "prediction": (1, 1)}, clean | {"attack": "case"}]
    write_predictions(rows, tmp_path / "predictions.parquet")
    read = read_rows(RunFolder(tmp_path))
    assert [(row["label"], row["prediction"]) for row in read] == [(row["label"], row["prediction"]) for row in rows]
    found = attacked_figures_of(read, [EvaluationSet("test", "en", [])], {"labels": ["a", "b"], "source": "en"})
    assert found["test/adv_acc/worst/en"] == 0.5


def test_rows_are_read_as_they_were_written(tmp_path: Path):
    rows = [prediction_row(OWN, 0, 1), prediction_row(OWN, 0, 0, "typo", RESULT)]
    rows += [prediction_row(OWN, 1, 1, "typo", UNTRIED)]
    rows += [prediction_row(OWN, 1, 1, "más", UNTRIED) | {"similarity": 1 / 3}]
    for kept in (rows, rows[::-1], rows[:1]):
        write_predictions(kept, tmp_path / "rows.parquet")
        table = parquet.read_table(tmp_path / "rows.parquet")
        assert table.to_pylist() == kept
        types = {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
        assert {types[name] for name in ("label", "prediction", "queries", "backwards", "broken_at")} == {"int64"}
        assert {types[name] for name in ("words_changed", "characters_changed", "similarity")} == {"double"}
        assert {types[name] for name in ("id", "attack", "adversarial_text_pair", "changed")} == {"string"}
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_rows_that_cannot_be_written_leave_what_was_there(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    write_predictions([prediction_row(OWN, 0, 1)], path)
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"."):
        write_predictions([prediction_row(OWN, 0, 1) | {"prediction": "red"}], path)
    assert path.read_bytes() == before and [own.name for own in tmp_path.iterdir()] == ["rows.parquet"]


def test_a_record_adds_up_passes_and_refusals_by_kind():
    constraints = [MaxWordsChanged(share=0.5), KeepNumbers(), MaxWordsChanged(share=0.2)]
    recipe = Attack(perturbation=TypoPerturbation(), search=RandomSearch(draws=2), constraints=constraints, budget=9)
    unasked = AttackResult(SECOND, None, 0, queries=1, broken=True)
    record = attack_record(recipe, [RESULT, UNTRIED, unasked], 12.345)
    assert record["refused"] == {"MaxWordsChanged": 2 + 4 + 1, "KeepNumbers": 3}
    assert (record["examples"], record["queries"], record["backwards"], record["seconds"]) == (3, 9, 1, 12.3)
    assert record["recipe"]["search"] == {"class": "RandomSearch", "draws": 2, "rate": 0.15}
    assert record["recipe"]["perturbation"]["sides"] == ["text", "text_pair"] and record["recipe"]["budget"] == 9
    assert json.loads(json.dumps(record)) == record  # as it is compared with what results hold
    empty = attack_record(recipe, [], 0.0)
    assert empty["recipe"] == record["recipe"] and empty["refused"] == {"MaxWordsChanged": 0, "KeepNumbers": 0}


def test_two_examples_of_a_set_may_not_share_an_id() -> None:
    examples = [Example(name, "de", "x", 0) for name in ("1", "2", "1")]
    with pytest.raises(UserError, match="test set, de: two examples have the id '1'"):
        EvaluationSet("test", "de", examples)
