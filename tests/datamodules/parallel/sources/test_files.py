import gzip
import json
import os

import pytest
from datamodules.bitexts import pairs, refused, write

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.files import LineAlignedFiles, PairTable


def aligned(tmp_path, source: str | bytes, target: str | bytes, suffix: str = "", **kwargs) -> LineAlignedFiles:
    files = [write(tmp_path / f"a.{code}{suffix}", text) for code, text in (("en", source), ("de", target))]
    return LineAlignedFiles(
        source_file=files[0], target_file=files[1], source_language="en", target_language="de", **kwargs
    )


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_line_aligned_files(tmp_path, suffix):
    bitext = aligned(tmp_path, "one\ntwo\n", "eins\nzwei\n", suffix)
    assert list(bitext) == [SentencePair("one", "eins", "en", "de"), SentencePair("two", "zwei", "en", "de")]
    assert list(bitext) == list(bitext)  # read anew each time


def test_lines_end_at_line_feeds_alone_and_empty_ones_count(tmp_path):
    bitext = aligned(tmp_path, "\ufeffa\u2028b\x85c\x0bd\r\n\nlast", "1\r\n\ufeff2\n3\n")
    assert pairs(bitext) == [("a\u2028b\x85c\x0bd", "1"), ("", "\ufeff2"), ("last", "3")]


@pytest.mark.parametrize("source, target, counts", [("a\nb\nc\n", "1\n", (3, 1)), ("a", "1\n2\n3\n4\n", (1, 4))])
def test_another_number_of_lines_is_refused_at_the_end(tmp_path, source, target, counts):
    bitext = aligned(tmp_path, source, target)
    read = iter(bitext)
    assert next(read).source == "a"
    message = f"{bitext.source_file} has {counts[0]} lines, but {bitext.target_file} has {counts[1]};"
    refused(lambda: list(read), message)


def test_an_empty_line_is_no_end(tmp_path):
    refused(lambda: list(aligned(tmp_path, "a\n\n", "1\n")), "has 2 lines")


def test_lines_that_are_not_utf8_are_named(tmp_path):
    bitext = aligned(tmp_path, "a\n" * 5_000, b"1\n" * 4_321 + "é\n".encode("latin1") + b"1\n" * 678)
    refused(lambda: list(bitext), f"{bitext.target_file}:4322: not UTF-8")


# ids: the compressed bytes hold the time, and the test's processes have to name it alike
@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"one\n" * 1000)[:-12]], ids=["other", "cut"])
def test_a_damaged_gzip_file_is_named(tmp_path, content):
    bitext = aligned(tmp_path, "one\n" * 1000, "eins\n" * 1000, ".gz")
    (tmp_path / "a.en.gz").write_bytes(content)
    refused(lambda: list(bitext), f"{bitext.source_file}: damaged, or not a gzip file")


@pytest.mark.parametrize("missing", ["en", "de"])
def test_missing_files_are_named_when_read_and_stamped(tmp_path, missing):
    bitext = aligned(tmp_path, "one\n", "eins\n")
    (tmp_path / f"a.{missing}").unlink()
    for read in (lambda: list(bitext), bitext.stamp, bitext.provenance):
        refused(read, f"{tmp_path / f'a.{missing}'}: no such file; check the path")


def test_provenance_is_json_and_sizes_are_in_it(tmp_path):
    bitext = aligned(tmp_path, "one\n", "eins\n", licence="CC0-1.0", name="Numbers")
    assert json.loads(json.dumps(bitext.provenance())) == {
        "source": "Numbers",
        "version": "unknown",
        "licence": "CC0-1.0",
        "languages": ["en", "de"],
        "files": {bitext.source_file: 4, bitext.target_file: 5},
    }
    unnamed = aligned(tmp_path, "one\n", "eins\n").provenance()
    assert unnamed["source"] == f"{bitext.source_file}, {bitext.target_file}" and unnamed["licence"] == "unknown"


def test_the_stamp_changes_with_settings_and_files(tmp_path):
    first = aligned(tmp_path, "one\n", "eins\n")
    os.utime(first.target_file, ns=(1, 1))
    stamp = repr(first.stamp())
    assert repr(first.stamp()) == stamp and "LineAlignedFiles" in stamp
    os.utime(first.target_file, ns=(2, 2))
    assert repr(first.stamp()) != stamp
    os.utime(first.target_file, ns=(1, 1))
    assert repr(first.stamp()) == stamp
    other = LineAlignedFiles(
        source_file=first.source_file, target_file=first.target_file, source_language="en", target_language="nl"
    )
    assert repr(other.stamp()) != stamp
    write(tmp_path / "a.de", "zwei!\n")
    os.utime(first.target_file, ns=(1, 1))
    assert repr(first.stamp()) != stamp


@pytest.mark.parametrize(
    "code, message", [("en", "`target_language` to differ from"), ("!", "`target_language` to name languages by codes")]
)
def test_languages_that_are_none_or_the_same(code, message):
    for make in (LineAlignedFiles, PairTable):
        files = {"path": "x.tsv"} if make is PairTable else {"source_file": "a", "target_file": "b"}
        refused(lambda m=make, f=files: m(**f, source_language="en", target_language=code), message, ValueError)


TABLES = {
    "a.tsv": "source\ttarget\tl1\tl2\none\teins\ten\tde\n\ntwo\tdeux\ten\tfr\n",
    "a.csv": 'source,target,l1,l2\n"one","eins",en,de\ntwo,deux,en,fr\n',
    "a.jsonl": "".join(
        json.dumps(dict(zip(("source", "target", "l1", "l2"), row, strict=True))) + "\n"
        for row in (("one", "eins", "en", "de"), ("two", "deux", "en", "fr"))
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, name):
    path = write(tmp_path / name, TABLES[name])
    fixed = PairTable(path=path, source_language="en", target_language="de")
    assert list(fixed) == [SentencePair("one", "eins", "en", "de"), SentencePair("two", "deux", "en", "de")]
    columns = {"source_language_column": "l1", "target_language_column": "l2"}
    read = PairTable(path=path, **columns)
    assert list(read) == [SentencePair("one", "eins", "en", "de"), SentencePair("two", "deux", "en", "fr")]
    assert fixed.provenance()["languages"] == ["en", "de"]
    assert read.provenance()["languages"] == ["column l1", "column l2"]
    assert read.stamp() != fixed.stamp()
    swapped = PairTable(
        path=path, source_language="de", target_language="en", source_column="target", target_column="source"
    )
    assert pairs(swapped) == [("eins", "one"), ("deux", "two")]


def table(path, **kwargs):
    return list(PairTable(path=path, source_language="en", **({"target_language": "de"} | kwargs)))


def test_tables_that_are_bad(tmp_path):
    path = write(tmp_path / "a.tsv", TABLES["a.tsv"])
    refused(lambda: table(path, target_column="German"), f"{path}:2: no column 'German'; the file has source, target")
    by_column = {"target_language": None, "target_language_column": "lang"}
    refused(lambda: table(path, **by_column), f"{path}:2: no column 'lang'")
    path = write(tmp_path / "b.tsv", "source\ttarget\tlang\na\tb\tde\na\tb\t \n")
    refused(lambda: table(path, **by_column), f"{path}:3: column 'lang' is empty")
    path = write(tmp_path / "c.tsv", "source\ttarget\na\tb\tc\n")
    refused(lambda: table(path), f"{path}:2: expected 2 fields")
    path = write(tmp_path / "d.jsonl", '{"source": "a", "target": "b"}\n{"source": "a", \n')
    refused(lambda: table(path), f"{path}:2: not valid JSON")
    path = write(tmp_path / "e.jsonl", '{"source": "a", "target": "b"}\n{"source": "a"}\n')
    refused(lambda: table(path), f"{path}:2: no column 'target'; the file has source.")
    path = write(tmp_path / "f.csv", "source,target\na,b\né,c\n".encode("latin1"))
    refused(lambda: table(path), f"{path}:3: not UTF-8")
    path = str(tmp_path / "absent.tsv")
    for read in (lambda: table(path), PairTable(path=path, source_language="en", target_language="de").stamp):
        refused(read, f"{path}: no such file")
    refused(lambda: table(write(tmp_path / "g.txt", "")), "expected a .tsv, .csv or .jsonl file")


@pytest.mark.parametrize("given", [{}, {"source_language": "en", "source_language_column": "l"}])
def test_a_table_takes_each_language_from_one_place(given):
    message = "Expected either argument `source_language` or `source_language_column`"
    refused(lambda: PairTable(path="a.tsv", target_language="de", **given), message, ValueError)
