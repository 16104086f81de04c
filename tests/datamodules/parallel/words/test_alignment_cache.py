"""Pharaoh's format, and what is and is not aligned a second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.datamodules.parallel.words.alignment_cache import from_pharaoh, read_pharaoh, to_pharaoh, word_alignments
from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.errors import UserError

SOURCES, TARGETS = ["turn it off", "turn it on", "", "off"], ["schalte es aus", "schalte es ein", "", "aus"]


class Diagonal(WordAligner):
    """Links the first words; counts how often it is asked."""

    def __init__(self, words: int = 3) -> None:
        self.words, self.calls = words, 0

    def align(self, sources, targets) -> list[Links]:
        self.calls += 1
        lengths = [min(self.words, len(source.split())) for source in sources]
        return [[(n, n) for n in range(length)] for length in lengths]

    def settings(self) -> dict[str, Any]:
        return {"aligner": "Diagonal", "words": self.words}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    return tmp_path


def test_the_same_is_aligned_once(cache) -> None:
    first, second = Diagonal(), Diagonal()
    links, lexicon = word_alignments(SOURCES, TARGETS, ("en", "de"), first, "a")
    again, same = word_alignments(SOURCES, TARGETS, ("en", "de"), second, "a")
    assert links == again == [[(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 1), (2, 2)], [], [(0, 0)]]
    assert lexicon.table() == {"turn": ("schalte",), "it": ("es",), "off": ("aus",)}
    assert lexicon.entries == same.entries
    assert (first.calls, second.calls) == (1, 0)
    (folder,) = (cache / "alignments").glob("*/en-de")
    assert sorted(path.name for path in folder.iterdir()) == ["en-de.lexicon.tsv", "en-de.pharaoh", "manifest.json"]
    assert (folder / "en-de.pharaoh").read_text() == "0-0 1-1 2-2\n0-0 1-1 2-2\n\n0-0\n"


def test_other_corpora_languages_settings_and_aligners_are_aligned_anew(cache) -> None:
    word_alignments(SOURCES, TARGETS, ("en", "de"), Diagonal(), "a")
    for languages, aligner, corpus in [
        (("en", "nl"), Diagonal(), "a"),
        (("de", "en"), Diagonal(), "a"),
        (("en", "de"), Diagonal(), "b"),
        (("en", "de"), Diagonal(words=1), "a"),
    ]:
        word_alignments(SOURCES, TARGETS, languages, aligner, corpus)
        assert aligner.calls == 1
        word_alignments(SOURCES, TARGETS, languages, aligner, corpus)
        assert aligner.calls == 1
    one, _ = word_alignments(SOURCES, TARGETS, ("en", "de"), Diagonal(words=1), "a")
    assert one[0] == [(0, 0)]
    word_alignments(SOURCES, TARGETS, ("en", "de"), StatisticalAligner(model="ibm1"), "a")
    assert len(list((cache / "alignments").iterdir())) == 4


@pytest.mark.parametrize("name", ["en-de.pharaoh", "en-de.lexicon.tsv"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text(path.read_text()[:-3])])
def test_a_damaged_result_is_made_anew(cache, name, damage) -> None:
    aligner = Diagonal()
    links, lexicon = word_alignments(SOURCES, TARGETS, ("en", "de"), aligner, "a")
    damage(next((cache / "alignments").glob(f"*/en-de/{name}")))
    with pytest.warns(UserWarning, match="en-de: damaged or incomplete; it is made anew"):
        again, same = word_alignments(SOURCES, TARGETS, ("en", "de"), aligner, "a")
    assert aligner.calls == 2 and links == again and lexicon.entries == same.entries


def test_without_a_cache_words_are_aligned_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr("xltrobust.cache._elsewhere", {})
    monkeypatch.setenv("XLTROBUST_CACHE", "/proc/xltrobust")
    aligner = Diagonal()
    with pytest.warns(UserWarning, match="cannot be written"):
        found = [word_alignments(SOURCES, TARGETS, ("en", "de"), aligner, "a")[0] for _ in range(2)]
    assert found[0] == found[1] and len(found[0]) == 4 and aligner.calls == 1


def test_a_name_is_that_of_one_corpus() -> None:
    word_alignments(SOURCES, TARGETS, ("en", "de"), Diagonal(), "a")
    with pytest.raises(ValueError, match="corpus 'a' to name 4 texts, but got 1"):
        word_alignments(["a"], ["b"], ("en", "de"), Diagonal(), "a")


def test_a_malformed_row_is_named(tmp_path) -> None:
    (tmp_path / "a.pharaoh").write_text("0-0\n0:0\n\n\n")
    with pytest.raises(UserError, match=r"a\.pharaoh:2: expected links such as '0-0 1-2', but got '0:0'"):
        read_pharaoh(tmp_path / "a.pharaoh")


def test_links_of_a_real_aligner_come_back_as_they_were() -> None:
    aligner = StatisticalAligner(model="hmm")
    first = word_alignments(SOURCES * 5, TARGETS * 5, ("en", "de"), aligner, "a")
    again = word_alignments(SOURCES * 5, TARGETS * 5, ("en", "de"), aligner, "a")
    assert first[0] == again[0] == aligner.align(SOURCES * 5, TARGETS * 5)
    assert first[1].entries == again[1].entries != []


def test_pharaoh_there_and_back(tmp_path) -> None:
    for links in ([], [(0, 0)], [(0, 12), (3, 1)]):
        assert from_pharaoh(to_pharaoh(links), "a:1") == links
    (tmp_path / "a").write_text("0-0\n\n1-2 10-3\n")
    assert read_pharaoh(tmp_path / "a") == [[(0, 0)], [], [(1, 2), (10, 3)]]


@pytest.mark.parametrize("line", ["0", "0-", "-1-0", "0-0,1-1", "0-0 a-b", "0-0-0", "²-0", "0p0"])
def test_malformed_links_are_one_line_that_names_the_row(line: str) -> None:
    with pytest.raises(UserError, match=r"^x\.pharaoh:7: expected links such as .*; fix or delete it\.$") as caught:
        from_pharaoh(line, "x.pharaoh:7")
    assert "\n" not in str(caught.value)
