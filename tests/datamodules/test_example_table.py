import re

import pytest

from xltrobust.datamodules.example_table import Columns, examples_from_rows, parse_label
from xltrobust.datamodules.rows import read_rows
from xltrobust.errors import DataError
from xltrobust.example import Example

LABELS = ["no", "yes"]


def write(path, text: str, encoding: str = "utf8"):
    path.write_bytes(text.encode(encoding))
    return path


def examples(path, header=None, **columns):
    named = Columns(**columns)
    rows = read_rows(path, header)
    return examples_from_rows(rows, path=path, language="en", columns=named, labels=LABELS, untranslated="NS")


def refused(path, message: str, header=None, **columns) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as error:
        examples(path, header, **columns)
    assert "\n" not in str(error.value)


def test_tsv_fields_are_kept_as_they_are(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"He said ""hi""\t1\n "x" \tno\na\'b\\n\t0\n')
    assert [(e.text, e.label) for e in examples(path).examples] == [('"He said ""hi""', 1), (' "x" ', 0), ("a'b\\n", 0)]


def test_line_separators_of_unicode_do_not_end_a_tsv_line(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tlabel\na\u2028b\x85c\x0bd\tyes\n")
    assert [e.text for e in examples(path).examples] == ["a\u2028b\x85c\x0bd"]


def test_csv_is_quoted(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"a, ""b""",yes\nplain,no\n')
    assert [(e.text, e.label) for e in examples(path).examples] == [('a, "b"', 1), ("plain", 0)]


def test_lines_are_numbered_as_an_editor_does_where_csv_fields_span_lines(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"one\ntwo",yes\n\n"a",no\n')
    assert list(read_rows(path)) == [(3, {"text": "one\ntwo", "label": "yes"}), (5, {"text": "a", "label": "no"})]
    refused(write(path, 'text,label\n"one\ntwo",yes\na,maybe\n'), f"{path}:4: unknown label 'maybe'")


def test_json_lines_take_values_of_any_type(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "grün", "label": 1}\n\n{"text": null, "label": "no", "more": [1]}\n')
    assert [(n, row["text"], row["label"]) for n, row in read_rows(path)] == [(1, "grün", "1"), (3, "", "no")]


@pytest.mark.parametrize("suffix, separator", [(".tsv", "\t"), (".csv", ",")])
def test_byte_order_mark_carriage_returns_and_blank_lines(tmp_path, suffix, separator):
    lines = ["\ufefftext,label", "", "a,yes", "", "b,no", ""]
    path = write(tmp_path / f"a{suffix}", "\r\n".join(lines).replace(",", separator))
    assert [(number, row["text"]) for number, row in read_rows(path)] == [(3, "a"), (5, "b")]
    assert [e.label for e in examples(path).examples] == [1, 0]


def test_a_byte_order_mark_before_json(tmp_path):
    assert list(read_rows(write(tmp_path / "a.jsonl", '\ufeff{"a": 1}\r\n'))) == [(1, {"a": "1"})]


def test_a_file_without_a_header(tmp_path):
    path = write(tmp_path / "a.tsv", "a\tyes\nb\tno\n")
    table = examples(path, ["text", "label"])
    assert table.examples == [Example("1", "en", "a", 1), Example("2", "en", "b", 0)]
    assert (table.rows, table.has_ids) == (2, False)


@pytest.mark.parametrize("suffix, row", [(".tsv", "a\tb\tyes"), (".csv", "a,b,yes")])
def test_another_number_of_fields(tmp_path, suffix, row):
    separator = row[1]
    path = write(tmp_path / f"a{suffix}", f"text{separator}label\na{separator}yes\n{row}\n")
    refused(path, f"{path}:3: expected 2 fields (text, label), but got 3.")


def test_a_quote_that_is_never_closed(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"a,yes\nb,no\n')
    refused(path, f"{path}:3: not valid CSV")


@pytest.mark.parametrize("missing", ["text", "label", "id", "group", "text_pair", "language"])
def test_a_missing_column_is_named_with_those_there_are(tmp_path, missing):
    path = write(tmp_path / "a.tsv", "text\tlabel\na\tyes\n")
    refused(path, f"{path}:2: no column 'absent'; the file has text, label.", **{missing: "absent"})


def test_a_key_that_one_json_line_lacks(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": 1}\n{"text": "a"}\n')
    refused(path, f"{path}:2: no column 'label'; the file has text.")


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n"])
def test_an_empty_file(tmp_path, content):
    path = write(tmp_path / "a.tsv", content)
    refused(path, f"{path}: the file is empty")


def test_a_file_with_a_header_alone_has_no_rows(tmp_path):
    assert list(read_rows(write(tmp_path / "a.tsv", "text\tlabel\n"))) == []


def test_bad_json(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": 1}\n{"text": \n')
    refused(path, f"{path}:2: not valid JSON (Expecting value).")
    write(path, "[1, 2]\n")
    refused(path, f"{path}:1: expected a JSON object, but got list.")


def test_a_file_that_is_not_utf8_names_the_line_however_far_down(tmp_path):
    good = "text\tlabel\n" + "é\tyes\n" * 5_000
    path = tmp_path / "a.tsv"
    path.write_bytes(good.encode() + "é\tyes\n".encode("latin1"))
    refused(path, f"{path}:5002: not UTF-8")


def test_an_unknown_label(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tlabel\na\tyes\nb\tmaybe\n")
    refused(path, f"{path}:3: unknown label 'maybe'; expected one of no, yes or 0 to 1.")
    for label in ("2", "-1", "", "1.0"):
        refused(write(path, f"text\tlabel\na\t{label}\n"), f"{path}:2: unknown label '{label}'")


def test_labels_by_name_alias_and_number():
    assert [parse_label(value, LABELS, "f:1", {"true": "yes"}) for value in ("yes", "true", "1", "0")] == [1, 1, 1, 0]


def test_numbers_that_are_names_are_not_positions():
    assert parse_label("1", ["1", "2", "3"], "f:1") == 0
    with pytest.raises(DataError, match="f:1: unknown label '0'; expected one of 1, 2, 3.$"):
        parse_label("0", ["1", "2", "3"], "f:1")


def test_an_id_that_comes_twice(tmp_path):
    path = write(tmp_path / "a.tsv", "id\ttext\tlabel\nx\ta\t0\ny\tNS\t0\ny\tc\t1\n")
    refused(path, f"{path}:4: id 'y' was used on line 3", id="id")


def test_an_unknown_suffix_and_a_missing_file(tmp_path):
    refused(write(tmp_path / "a.txt", "text\tlabel\n"), f"{tmp_path / 'a.txt'}: expected a .tsv, .csv or .jsonl file")
    refused(tmp_path / "b.tsv", f"{tmp_path / 'b.tsv'}: no such file")
    (tmp_path / "c.tsv").mkdir()
    refused(tmp_path / "c.tsv", f"{tmp_path / 'c.tsv'}: no such file")


def test_all_columns_arrive(tmp_path):
    header = "nr\tone\ttwo\tgold\tdocument\tlang\n"
    path = write(tmp_path / "a.tsv", header + "7\ta\tb\tyes\td1\ten\n7\tx\ty\tno\td2\tde\n8\tc\td\t0\td1\ten\n")
    named = {"text": "one", "text_pair": "two", "label": "gold", "id": "nr", "group": "document", "language": "lang"}
    table = examples(path, **named)
    assert table.examples == [Example("7", "en", "a", 1, "b", "d1"), Example("8", "en", "c", 0, "d", "d1")]
    assert (table.rows, table.has_ids) == (2, True)


def test_untranslated_rows_are_left_out_and_counted_and_keep_their_number(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tpair\tlabel\nNS\tb\t0\na\tNS\t0\nNS\tNS\t?\nNSA\tNS.\t1\n")
    table = examples(path, text_pair="pair")
    assert [e.id for e in table.examples] == ["4"]
    assert (table.rows, table.left_out, table.left_out_ids) == (4, {"not translated (NS)": 3}, {"1", "2", "3"})
