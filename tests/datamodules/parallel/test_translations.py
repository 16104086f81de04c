"""Labelled texts are found among the corpus's source texts, however the corpus has cleaned them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xltrobust.datamodules import PairTable, ParallelCorpus
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.translations import Translation, Translations
from xltrobust.errors import UserError

PAIRS = [
    ("the red  house", "das rote haus", "de"),
    ("the red house", "la maison rouge", "fr"),
    ("The red house!", "Das rote Haus!", "de"),  # differs in case and punctuation only: a duplicate
    ("a tree", "ein baum", "de"),
    ("a tree", "der baum", "de"),
    ("A tree!", "un arbre", "fr"),
    ("old road", "alte straße", "de"),
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PairData:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    rows = "".join("\t".join(pair) + "\n" for pair in PAIRS)
    (tmp_path / "pairs.tsv").write_text("source\ttarget\tlanguage\n" + rows, encoding="utf8")
    table = PairTable(path=str(tmp_path / "pairs.tsv"), source_language="en", target_language_column="language")
    return ParallelCorpus(bitexts=[table], held_out=0).prepare({})


def found(data: PairData, own: Translations, text: str) -> dict[str, list[str]]:
    return {code: [data.texts(row)[1] for row in rows] for code, rows in own.rows(text).items()}


def test_texts_are_found_as_the_corpus_cleans_and_deduplicates_them(data: PairData) -> None:
    own = Translations(data, "en", ["the  red house ", "The red house!", "a tree", "not there"])
    assert len(data) == len(PAIRS) - 1
    assert found(data, own, "the\tred house") == {"de": ["das rote haus"], "fr": ["la maison rouge"]}
    # Its own German pair was a duplicate of the other's; a text with a pair of its own gets that one alone.
    assert found(data, own, "The red house!") == {"de": ["das rote haus"], "fr": ["la maison rouge"]}
    assert found(data, own, "a tree") == {"de": ["ein baum", "der baum"], "fr": ["un arbre"]}
    assert found(data, own, "not there") == found(data, own, "old road") == {} and own.languages == ["de", "fr"]
    only = Translations(data, "eng", ["A tree!", "a tree"])
    assert found(data, only, "A tree!")["fr"] == ["un arbre"] == found(data, only, "a tree")["fr"]


def test_two_texts_are_translated_into_one_language_and_every_row_is_used(data: PairData) -> None:
    own = Translations(data, "en", ["the red house", "a tree", "old road"])
    (house,), trees = own.rows("the red house")["de"], own.rows("a tree")["de"]
    whole = own.of(["the red house", "a tree"], ["de"], whole=True)
    assert whole == {"de": [Translation("de", (house, tree)) for tree in trees]}
    assert list(own.of(["old road", "a tree"], ["de", "fr"], whole=True)) == ["de"]
    (part,) = own.of(["old road", "a tree"], ["fr"], whole=False)["fr"]
    assert part.rows[0] is None and own.of(["not there"], ["de"], whole=False) == {}


def test_what_cannot_be_found_is_refused(data: PairData) -> None:
    with pytest.raises(UserError, match=r"No sentence pair is from 'pl', .* but there are en>de, en>fr"):
        Translations(data, "pl", ["the red house"])
    with pytest.raises(UserError, match="None of the 1 labelled texts is the source text of one of the 6 sentence"):
        Translations(data, "en", ["another text"])
    own = Translations(data, "en", ["old road"])
    assert own.named(None) == own.named(["deu_Latn"]) == ["de"]
    with pytest.raises(UserError, match="have translations, de, but got 'fr'"):
        own.named(["fr"])
