"""Labelled texts are trained on in their translations: which, how often, in which language, and what is counted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import TYPOS, tiny_corpus, write_synonyms, write_translations

from xltrobust.datamodules import LocalClassification, PairTable, ParallelCorpus
from xltrobust.datamodules.draw import Draw
from xltrobust.datamodules.example_table import Columns
from xltrobust.errors import IncompatibleRegularizer, UserError
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.passes import Passes
from xltrobust.perturb import RandomView, SynonymSubstitution
from xltrobust.regularizers import CodeSwitching, DataAugmentation, Regularizer, TranslatedTraining
from xltrobust.text.languages import language_id


@pytest.fixture(scope="session")
def translations_folder(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Path:
    write_translations(tiny_task, (folder := tmp_path_factory.mktemp("translations")) / "pairs.tsv")
    return folder


@pytest.fixture
def translations(translations_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XLTROBUST_CACHE", str(translations_folder / "cache"))
    return translations_folder / "pairs.tsv"


class Loud(Regularizer):
    """Puts other texts in the texts' place, none of which has a translation."""

    stage = 0

    def augment(self, examples: Sequence[Example], rng: Draw) -> Sequence[Example]:
        return [replace(example, text=example.text.upper() + " loud") for example in examples]


class Marked(Regularizer):
    """A second view, which says in what language the text was."""

    def second_view(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [replace(example, text=f"{example.text} {example.language}") for example in examples]


def made(encoder: Path, task: Path, pairs: Path, **corpus: object) -> tuple[RobustClassifier, LocalClassification]:
    module, data = make(encoder, task)
    data.parallel = tiny_corpus(pairs, **{"held_out": 0} | corpus)
    return module, data


def fitted(module: RobustClassifier, data: Any, epochs: int, *callbacks: Any) -> list[dict[str, Any]]:
    """Trains, and gives the batches."""
    batches: list[dict[str, Any]] = []
    module.on_train_batch_start = lambda batch, _: batches.append(batch)  # type: ignore[method-assign,assignment]
    own = trainer(max_epochs=epochs, limit_val_batches=0)
    own.callbacks += callbacks
    own.fit(module, datamodule=data)
    return batches


@pytest.mark.parametrize(("share", "epochs"), [(1.0, 2), (0.5, 4)])
def test_a_cycle_visits_every_pair_as_promised_and_counts_it(
    tiny_encoder: Path, tiny_task: Path, translations: Path, share: float, epochs: int
) -> None:
    module, data = made(tiny_encoder, tiny_task, translations)
    data.batch_size = 15  # of 120 examples
    batches = fitted(module, data, epochs, TranslatedTraining(share=share, draw="cycle"))
    visits = data.pair_visits.counts
    having = [data.translations.rows(example.text) for example in data.train_examples]
    # Texts that are there twice share rows; one that has lost a pair to the cleaning goes through the other twice.
    expected = torch.zeros(len(data.pairs), dtype=torch.long)
    for rows in having:
        own = [row for of_language in rows.values() for row in of_language]
        for row in own:
            expected[row] += 2 // len(own)
    assert visits.tolist() == expected.tolist() and visits.min() >= 1
    record = data.visits_record()
    assert record is not None and record["distinct"] == record["of"] == len(data.pairs) > 200
    passes = module.total_passes()
    tokens = sum(int(batch["attention_mask"].sum()) for batch in batches)
    assert passes == Passes(tokens, tokens, 0)  # a plain step's, on texts of new lengths
    assert data.data_counts()["examples_with_translation"]["translated_training"] == {
        code: pytest.approx(sum(code in rows for rows in having) / 120, abs=1e-4) for code in ("de", "zh")
    }


def test_the_text_its_language_and_its_pair_go_together_whoever_loads_it(
    tiny_encoder: Path, tiny_task: Path, translations: Path
) -> None:
    found = []
    for workers in (0, 2):
        module, data = made(tiny_encoder, tiny_task, translations)
        data.num_workers = workers
        found.append(fitted(module, data, 1, TranslatedTraining(share=0.6)))
    for own, other in zip(*found, strict=True):
        assert own.keys() == other.keys()
        assert all(torch.equal(value, other[name]) for name, value in own.items())
    tokenizer, data = data.tokenization.tokenizer, data
    ids = {language_id(code): code for code in ("en", "de", "zh")}
    languages, rows = [], []
    for batch in found[0]:
        languages += [ids[int(own)] for own in batch["language"]]
        rows += batch["visited"].tolist()
        shown = {data.pairs.texts(row)[1] for row in batch["visited"].tolist()}
        texts = tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
        for text, index, code in zip(texts, batch["index"], batch["language"], strict=True):
            original = data.train_examples[int(index)].text
            assert text == original if ids[int(code)] == "en" else text in shown and text != original
    assert sum(code != "en" for code in languages) == len(rows) and set(languages) == {"en", "de", "zh"}
    assert 0.4 < len(rows) / len(languages) < 0.75


def test_what_follows_changes_the_translation_and_what_precedes_is_refused(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, translations: Path
) -> None:
    module, data = made(tiny_encoder, tiny_task, translations)
    own = TranslatedTraining(languages=["deu"])
    fitted(module, data, 1, DataAugmentation(view=TYPOS), own)  # which comes first all the same
    assert data.pair_visits.counts.sum() > 100
    example = data.train_examples[0]
    german = own.translated(example, Draw(1))
    assert german.language == "de" and german.label == example.label and german.id == example.id
    view = TYPOS(german, random.Random(0))
    assert view.language == "de" and view.text != german.text != example.text
    chinese = replace(german, language="zh", text=data.pairs.texts(data.translations.rows(example.text)["zh"][0])[1])
    synonyms = SynonymSubstitution(tables={"en": str(write_synonyms(tmp_path))})
    assert RandomView(perturbation=synonyms, rate=0.3)(chinese, random.Random(0)) == chinese  # of another language
    module, data = made(tiny_encoder, tiny_task, translations)
    with pytest.raises(IncompatibleRegularizer, match="put translated_training before loud"):
        fitted(module, data, 1, Loud(), TranslatedTraining())


def test_words_are_switched_by_the_links_of_every_pair_and_after_translation_of_the_rest(
    tiny_encoder: Path, tiny_task: Path, translations: Path
) -> None:
    links = {"translations": "links", "language": "sentence", "draw": "cycle"}
    module, data = made(tiny_encoder, tiny_task, translations)
    data.batch_size = 15
    fitted(module, data, 2, CodeSwitching(**links))  # type: ignore[arg-type]
    record, counts = data.visits_record(), data.data_counts()
    assert record is not None and record["distinct"] == record["of"] == counts["parallel"]["pairs"]
    assert 0.3 < counts["words_switched"]["code_switching"] < 0.6 < counts["words_with_translation"]["zh"]
    module, data = made(tiny_encoder, tiny_task, translations)
    fitted(module, data, 1, CodeSwitching(**links), TranslatedTraining(share=0.5))  # type: ignore[arg-type]
    # Both together visit at most a pair an example: what has been translated has no links.
    assert 100 < data.pair_visits.counts.sum() <= 120


def test_a_shuffled_control_shows_the_translation_of_another_text(
    tiny_encoder: Path, tiny_task: Path, translations: Path
) -> None:
    _, data = made(tiny_encoder, tiny_task, translations, control="shuffled_pairs")
    own = TranslatedTraining(languages=["de"])
    own.prepare(data)
    true = {data.pairs.without_control.texts(row) for row in range(len(data.pairs))}
    examples = [example for example in data.train_examples if own.options(example)]
    shown = {(example.text, own.translated(example, Draw(0)).text) for example in examples}
    assert len(shown & true) < len(shown) / 20


def pair_task(folder: Path, encoder: Path) -> LocalClassification:
    rows = {"train": [("red one", "blue two", "y"), ("a tree", "a house", "n")], "dev": [("x u", "y v", "y")]}
    for split, of_split in {**rows, "test": rows["dev"]}.items():
        lines = ["text\ttext_pair\tlabel", *("\t".join(row) for row in of_split)]
        (folder / f"en-{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    pairs = "red one\trot eins\tde\nblue two\tblau zwei\tde\nred one\trouge un\tfr\na tree\tein baum\tde\n"
    (folder / "pairs.tsv").write_text("source\ttarget\tlanguage\n" + pairs, encoding="utf8")
    table = PairTable(path=str(folder / "pairs.tsv"), source_language="en", target_language_column="language")
    paths = {split: f"{{language}}-{split}.tsv" for split in ("train", "dev", "test")}
    return LocalClassification(
        data_dir=str(folder), source="en", languages=[], columns=Columns(text_pair="text_pair"), **paths,
        parallel=ParallelCorpus(bitexts=[table], held_out=0), tokenizer=str(encoder),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sides", "expected", "shares"),
    [
        ("both", {("de", "rot eins", "blau zwei")}, {"de": 0.5, "fr": 0.0}),
        (
            "text",
            {(("de", "en"), "rot eins", "blue two"), (("fr", "en"), "rouge un", "blue two")},
            {"de": 1.0, "fr": 0.5},
        ),
        ("text_pair", {(("en", "de"), "red one", "blau zwei")}, {"de": 0.5, "fr": 0.0}),
    ],
)  # fmt: skip
def test_one_or_both_texts_of_a_pair_are_translated(
    tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch, sides: Any, expected: set, shares: dict
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    own = TranslatedTraining(sides=sides)
    own.prepare(data := pair_task(tmp_path, tiny_encoder))
    first = data.train_examples[0]
    draws = [Draw(seed) for seed in range(20)]
    found = [own.translated(first, draw) for draw in draws]
    assert {(one.language, one.text, one.text_pair) for one in found} == expected
    assert {len(draw.visited) for draw in draws} == {2 if sides == "both" else 1}
    assert data.counts["examples_with_translation"]["translated_training"] == shares


def test_what_cannot_be_translated_is_refused(tiny_encoder: Path, tiny_task: Path, translations: Path) -> None:
    for options, message in (
        ({"share": 0.0}, r"`share` to be in \(0, 1\], but got 0.0"),
        ({"draw": "turns"}, "`draw` to be one of .*, but got 'turns'"),
        ({"sides": "first"}, "`sides` to be one of .*, but got 'first'"),
    ):
        with pytest.raises(ValueError, match=message):
            TranslatedTraining(**options)  # type: ignore[arg-type]
    _, data = make(tiny_encoder, tiny_task)
    with pytest.raises(UserError, match="name their sources in data.init_args.parallel"):
        TranslatedTraining().prepare(data)
    _, data = made(tiny_encoder, tiny_task, translations)
    with pytest.raises(UserError, match="have translations, de, zh, but got 'fr'"):
        TranslatedTraining(languages=["fr"]).prepare(data)
    with pytest.raises(UserError, match="sides: text_pair is for tasks of pairs"):
        TranslatedTraining(sides="text_pair").prepare(data)
    _, data = made(tiny_encoder, tiny_task, translations, control="shuffled_lexicon")
    with pytest.raises(UserError, match="The control shuffled_lexicon has no translations of whole texts"):
        TranslatedTraining().prepare(data)


def test_second_views_are_of_the_translation(tiny_encoder: Path, tiny_task: Path, translations: Path) -> None:
    module, data = made(tiny_encoder, tiny_task, translations)
    noise = DataAugmentation(view=TYPOS, keep_clean=True)
    batches = fitted(module, data, 1, Marked(), noise, TranslatedTraining(languages=["de"]))
    decode = data.tokenization.tokenizer.batch_decode
    texts, views = (
        decode(own["input_ids"], skip_special_tokens=True) for own in (batches[0], batches[0]["views"]["marked"])
    )
    assert views[::2] == views[1::2] and [view[:-3] for view in views[::2]] == texts[::2]
    assert {view[-2:] for view in views} == {"de", "en"}  # some have no translation
