from collections import Counter

import pytest

from xltrobust.datamodules.example_table import Columns, ExampleTable, examples_from_rows
from xltrobust.datamodules.tasks.generalized import cross_languages
from xltrobust.errors import DataError
from xltrobust.example import Example

TAKEN = "missing in either language"


def table(language: str, rows: list[tuple], with_ids: bool) -> ExampleTable:
    """Rows of (id, text, text_pair, label); ``NS`` stands for a text that was not translated."""
    numbered = [(n, dict(zip(("id", "a", "b", "label"), row, strict=True))) for n, row in enumerate(rows, 2)]
    columns = Columns(text="a", text_pair="b", label="label", id="id" if with_ids else None)
    return examples_from_rows(
        numbered, path="f", language=language, columns=columns, labels=["0", "1"], untranslated="NS"
    )


EN = [("1", "e1", "E1", "0"), ("2", "e2", "E2", "1"), ("3", "NS", "E3", "0"), ("4", "e4", "E4", "1")]
DE = [("1", "d1", "D1", "0"), ("2", "NS", "D2", "1"), ("3", "NS", "D3", "0"), ("4", "d4", "D4", "1")]


@pytest.mark.parametrize("with_ids", [True, False])
def test_text_is_in_the_first_language_and_text_pair_in_the_second(with_ids):
    found = cross_languages(table("en", EN, with_ids), table("de", DE, with_ids), ("en", "de"))
    assert found.examples == [
        Example("1", ("en", "de"), "e1", 0, "D1"),
        Example("4", ("en", "de"), "e4", 1, "D4"),
    ]
    assert found.has_ids is with_ids


@pytest.mark.parametrize("with_ids", [True, False])
def test_what_is_missing_in_one_language_or_in_both_is_counted_once(with_ids):
    english, german = table("en", EN, with_ids), table("de", DE, with_ids)
    assert cross_languages(english, german, ("en", "de")).left_out == {TAKEN: 2}
    assert cross_languages(german, english, ("de", "en")).left_out == {TAKEN: 2}
    assert cross_languages(english, english, ("en", "en")).left_out == {TAKEN: 1}


def test_by_id_order_and_absent_rows_do_not_matter():
    shuffled = [("4", "d4", "D4", "1"), ("9", "d9", "D9", "1"), ("1", "d1", "D1", "0")]
    found = cross_languages(table("en", EN, True), table("de", shuffled, True), ("en", "de"))
    assert [(e.id, e.text, e.text_pair) for e in found.examples] == [("1", "e1", "D1"), ("4", "e4", "D4")]
    assert found.left_out == {TAKEN: 3}  # 2 and 3 (untranslated in English), and 9


def test_without_ids_rows_are_numbered_before_any_is_left_out():
    first = [("", "NS", "A1", "0"), ("", "a2", "A2", "1"), ("", "a3", "A3", "0")]
    second = [("", "b1", "B1", "0"), ("", "b2", "B2", "1"), ("", "b3", "B3", "0")]
    found = cross_languages(table("en", first, False), table("de", second, False), ("en", "de"))
    assert [(e.id, e.text, e.text_pair) for e in found.examples] == [("2", "a2", "B2"), ("3", "a3", "B3")]


def test_unequal_lengths_without_ids_are_refused():
    with pytest.raises(DataError, match="en and de: 4 and 3 rows and no ids; line-aligned files must be equally long"):
        cross_languages(table("en", EN, False), table("de", DE[:3], False), ("en", "de"))
    cross_languages(table("en", EN, True), table("de", DE[:3], True), ("en", "de"))


@pytest.mark.parametrize("with_ids", [True, False])
def test_labels_that_disagree_are_refused(with_ids):
    other = [*DE[:3], ("4", "d4", "D4", "0")]
    with pytest.raises(DataError, match="en and de: item '4' has label 1 in one and 0 in the other"):
        cross_languages(table("en", EN, with_ids), table("de", other, with_ids), ("en", "de"))


def test_mixed_layouts_are_refused():
    for first, second in ((True, False), (False, True)):
        with pytest.raises(DataError, match="en and de: one of the files has ids and the other has none"):
            cross_languages(table("en", EN, first), table("de", DE, second), ("en", "de"))


def test_tables_are_left_as_they_were():
    english, german = table("en", EN, True), table("de", DE, True)
    before = [list(english.examples), Counter(english.left_out), set(english.left_out_ids)]
    cross_languages(english, german, ("en", "de"))
    assert [english.examples, english.left_out, english.left_out_ids] == before
