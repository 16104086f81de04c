"""A task's training items and their translations as a corpus: matched by id, counted, and told apart by content."""

from __future__ import annotations

from pathlib import Path

import pytest
from datamodules.bitexts import pairs, refused

from xltrobust.datamodules import PAWSX, LocalClassification, ParallelCorpus, TaskTranslations
from xltrobust.datamodules.example_table import Columns
from xltrobust.errors import DataError, UserError

ENGLISH = {"a": "the red house", "b": "a blue tree", "c": "an old green road"}
GERMAN = {"c": "ein alter grüner weg", "a": "das rote haus", "x": "eine tür"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))


def write(path: Path, texts: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{key}\t{text}\t{'yn'[number % 2]}\n" for number, (key, text) in enumerate(texts.items())]
    path.write_text("id\ttext\tlabel\n" + "".join(rows), encoding="utf8")


def task(folder: Path, bitext: TaskTranslations, **options) -> LocalClassification:
    for language, texts in {"en": ENGLISH, "de": GERMAN, "fr": {"y": "un arbre", "z": "la rue"}}.items():
        if not (path := folder / language / "train.tsv").exists():
            write(path, texts)
        write(folder / language / "test.tsv", {"t": f"unlike all {language}", "u": f"this {language} too"})
    write(folder / "en" / "dev.tsv", {"d": "some dev text", "e": "and one more"})
    corpus = ParallelCorpus(bitexts=[bitext], held_out=0)
    columns = Columns(id="id")
    return LocalClassification(
        data_dir=str(folder), source="en", languages=["de", "fr"], columns=columns, parallel=corpus, **options
    )


def test_items_are_matched_by_id_and_those_without_a_counterpart_are_counted(tmp_path: Path) -> None:
    data = task(tmp_path, bitext := TaskTranslations(languages=["de"]))
    assert len(data.pairs) == 2  # binds the source to the task
    assert pairs(bitext) == [(ENGLISH["a"], GERMAN["a"]), (ENGLISH["c"], GERMAN["c"])]
    assert [pair[2:] for pair in data.pairs.pairs([0, 1])] == [("en", "de")] * 2
    (source,) = data.data_counts()["parallel"]["sources"]
    assert (source["items"], source["without_counterpart"]) == (3, {"de": 1})
    assert source["source"] == "LocalClassification, train" and source["languages"] == ["en", "de"]


def test_a_changed_text_makes_another_corpus(tmp_path: Path) -> None:
    before = task(tmp_path, TaskTranslations(languages=["de"])).pairs
    again = task(tmp_path, TaskTranslations(languages=["de"])).pairs
    assert again.folder == before.folder
    write(tmp_path / "de" / "train.tsv", GERMAN | {"a": "das blaue haus"})
    after = task(tmp_path, TaskTranslations(languages=["de"])).pairs
    assert after.folder != before.folder and after.pairs([0])[0].target == "das blaue haus"
    assert after.record["sources"][0]["version"] != before.record["sources"][0]["version"]


def test_both_texts_of_an_item_of_a_pair_task_have_their_translation(tmp_path: Path) -> None:
    rows = {
        "en": [("1", "He ran .", "He was running .", "1"), ("2", "A b c", "B a c", "0"), ("3", "x y", "y x", "1")],
        "de": [("1", "Er lief .", "Er rannte .", "1"), ("2", "NS", "B a c (de)", "0"), ("3", "y de", "x de", "1")],
    }
    for language, of_language in rows.items():
        (tmp_path / language).mkdir()
        for split in ("train", "dev_2k", "test_2k"):
            kept = (
                of_language if split == "train" else [(n, f"{split} one", f"{split} two", k) for n, *_, k in rows["en"]]
            )
            lines = ["\t".join(row) for row in [("id", "sentence1", "sentence2", "label"), *kept]]
            (tmp_path / language / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    bitext = TaskTranslations(languages=["de"])
    data = PAWSX(data_dir=str(tmp_path), languages=["de"], parallel=ParallelCorpus(bitexts=[bitext], held_out=0))
    assert len(data.pairs) == 4
    expected = [("He ran .", "Er lief ."), ("He was running .", "Er rannte ."), ("x y", "y de"), ("y x", "x de")]
    assert pairs(bitext) == expected and bitext.provenance()["without_counterpart"] == {"de": 1}


def test_what_cannot_be_matched_is_refused_in_one_line(tmp_path: Path) -> None:
    none = "LocalClassification has 2 items, none with an id of the 'en' ones, in the train texts in 'fr'; name the"
    refused(lambda: task(tmp_path, TaskTranslations(languages=["de", "fr"])).pairs, none)
    missing = f"{tmp_path}/pl/train.tsv: no such file"
    refused(lambda: task(tmp_path, TaskTranslations(languages=["pl"])).pairs, missing)
    dev = "LocalClassification has no items, in the dev texts in 'de'"
    refused(lambda: task(tmp_path, TaskTranslations(languages=["de"], split="dev")).pairs, dev)
    unbound = "TaskTranslations reads the texts of a task: name it in data.init_args.parallel.bitexts"
    refused(lambda: ParallelCorpus(bitexts=[TaskTranslations(languages=["de"])]).prepare({}), unbound, UserError)
    own = "expected `languages` to be others than the task's source, 'en', but got 'en-GB'"
    refused(lambda: task(tmp_path, TaskTranslations(languages=["en-GB"])).pairs, own, UserError)
    refused(lambda: TaskTranslations(languages=[]), "`languages` to name one or more languages once", ValueError)
    refused(lambda: TaskTranslations(languages=["german"]), "by codes such as 'de'", ValueError)


def test_no_pair_is_left_of_a_split_that_must_stay_unseen(tmp_path: Path) -> None:
    data = task(tmp_path, TaskTranslations(languages=["de"], split="test"))
    with pytest.raises(DataError, match="no sentence pair is left to train on .*overlap with dev or test"):
        _ = data.pairs
