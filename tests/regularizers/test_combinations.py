"""Robust training beside parallel text: each goes with each, costs what both do, and texts change in a fixed order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import BALL, TYPOS, tiny_corpus, write_synonyms, write_translations

from conftest import write_tiny_task
from xltrobust.errors import IncompatibleRegularizer
from xltrobust.example import Example
from xltrobust.models.passes import PLAIN, Passes
from xltrobust.perturb import RandomView, SynonymSubstitution
from xltrobust.regularizers import (
    AdversarialTraining,
    CodeSwitching,
    DataAugmentation,
    Regularizer,
    SentenceAlignment,
    TranslatedTraining,
    WordAlignment,
)
from xltrobust.text.languages import language_id

ROBUST: dict[str, Callable[[], Regularizer]] = {
    "adv": lambda: AdversarialTraining(ball=BALL),
    "adv, clean share": lambda: AdversarialTraining(ball=BALL, clean_share=0.5),
    "rs-da": lambda: DataAugmentation(view=TYPOS),
    "rs-da, clean kept": lambda: DataAugmentation(view=TYPOS, keep_clean=True),
}
PARALLEL: dict[str, Callable[[], Regularizer]] = {
    "code switching": lambda: CodeSwitching(words=0.5),
    "code switching by links": lambda: links(),
    "translations": lambda: TranslatedTraining(),
    "sentences": lambda: SentenceAlignment(),
    "words": lambda: WordAlignment(),
}


def links() -> CodeSwitching:
    return CodeSwitching(translations="links", language="sentence", draw="cycle", words=0.9)


@pytest.fixture(scope="module")
def translated_task(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A task of 40 training texts, and a file of their translations."""
    folder = tmp_path_factory.mktemp("combinations")
    task = write_tiny_task(folder / "task", train=40, dev=6, test=6)
    return task, write_translations(task, folder / "pairs.tsv")


@pytest.fixture
def cached(translated_task: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The same, its words aligned once for all tests."""
    monkeypatch.setenv("XLTROBUST_CACHE", str(translated_task[0].parent / "cache"))
    return translated_task


@pytest.mark.parametrize("parallel", PARALLEL)
@pytest.mark.parametrize("robust", ROBUST)
def test_a_combination_costs_what_its_parts_do(
    tiny_encoder: Path, cached: tuple[Path, Path], robust: str, parallel: str
) -> None:
    module, data = make(tiny_encoder, cached[0])
    data.parallel = tiny_corpus(cached[1], held_out=0)
    own, other = ROBUST[robust](), PARALLEL[parallel]()
    counted = {"task": 0, "pairs": 0, "sources": 0, "rows": 0, "visited": 0}

    def on_train_batch_start(batch, batch_idx) -> None:
        counted["task"] += int(batch["attention_mask"].sum())
        counted["rows"] += len(batch["labels"])
        counted["visited"] += len(batch.get("visited", []))
        if "pairs" in batch:
            mask = batch["pairs"]["attention_mask"]
            counted["pairs"] += int(mask.sum())
            counted["sources"] += int(mask[: len(mask) // 2].sum())

    module.on_train_batch_start = on_train_batch_start  # type: ignore[method-assign]
    before = module.out.weight.detach().clone()
    fit = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=0)
    fit.callbacks += [own, other]
    fit.fit(module, datamodule=data)
    task = own.cost if not own.task_share else own.cost.plus(PLAIN)
    expected = Passes(*(counted["task"] * number for number in task))
    for tokens, cost in ((counted["pairs"], other.pair_cost), (counted["sources"], other.source_cost)):
        expected = expected.plus(Passes(*(tokens * number for number in cost)))
    assert module.total_passes() == expected
    assert counted["rows"] == (64 if "kept" in robust else 32) and bool(counted["pairs"]) == bool(other.needs)
    # Each text has translations, and those of a text are visited once for it and its noisy view.
    assert counted["visited"] == (32 if parallel in ("code switching by links", "translations") else 0)
    assert torch.isfinite(module.out.weight).all() and not torch.equal(module.out.weight, before)


class Translated(Regularizer):
    """Every text gives way to another."""

    stage = 0

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [replace(example, text="tree house old near", language="de") for example in examples]


def texts(encoder: Path, task: Path, pairs: Path, *callbacks: Regularizer) -> list[str]:
    module, data = make(encoder, task)
    data.parallel = tiny_corpus(pairs, held_out=0)
    fit = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    fit.callbacks += callbacks
    fit.fit(module, datamodule=data)
    batch = next(iter(fit.train_dataloader))
    return data.tokenization.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)


FOREIGN: dict[str, Callable[[], Regularizer]] = {
    "code switching": lambda: CodeSwitching(words=0.9),
    "code switching by links": links,
    "translations": lambda: TranslatedTraining(),
}


@pytest.mark.parametrize("parallel", FOREIGN)
def test_noise_comes_last_whatever_the_order_of_callbacks(
    tiny_encoder: Path, cached: tuple[Path, Path], parallel: str
) -> None:
    def pair() -> list[Regularizer]:
        return [FOREIGN[parallel](), DataAugmentation(view=TYPOS)]

    forth = texts(tiny_encoder, *cached, *pair())
    back = texts(tiny_encoder, *cached, *pair()[::-1])
    switched = texts(tiny_encoder, *cached, pair()[0])
    assert forth == back and set(forth) != set(switched)
    # Noise within words leaves some words of the foreign texts as they were.
    known = {word for text in switched for word in text.split()}
    assert sum(word in known for text in forth for word in text.split()) > len(forth)


@pytest.mark.parametrize("way", [1, -1])
def test_what_noise_cannot_change_is_told(
    tmp_path: Path, tiny_encoder: Path, cached: tuple[Path, Path], way: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Synonyms for English, and half of the texts translated."""
    module, data = make(tiny_encoder, cached[0])
    data.parallel = tiny_corpus(cached[1], held_out=0)
    synonyms = SynonymSubstitution(tables={"en": str(write_synonyms(tmp_path))})
    pair = [TranslatedTraining(share=0.5, draw="cycle"), DataAugmentation(view=RandomView(perturbation=synonyms))]
    fit = trainer(max_epochs=1, limit_val_batches=0)
    fit.callbacks += pair[::way]
    languages: list[int] = []
    module.on_train_batch_start = lambda batch, _: languages.extend(batch["language"].tolist())  # type: ignore
    data.drop_last = False
    with caplog.at_level("INFO", logger="pytorch_lightning"):
        fit.fit(module, datamodule=data)
    share = languages.count(language_id("en")) / len(languages)
    assert 0 < share < 1 and data.data_counts()["views_supported"]["data_augmentation"] == round(share, 4)
    (line,) = [one for one in caplog.messages if "stay as they are" in one]
    assert line == (
        f"data_augmentation: {1 - share:.0%} of the training texts stay as they are: SynonymSubstitution cannot change "
        "de, zh."
    )


def test_links_and_a_method_that_replaces_texts_are_refused_in_either_order(
    tiny_encoder: Path, cached: tuple[Path, Path]
) -> None:
    for callbacks in ([links(), Translated()], [Translated(), links()]):
        with pytest.raises(IncompatibleRegularizer, match=r"translated has changed .*stage 0 comes before 1"):
            texts(tiny_encoder, *cached, *callbacks)
    lexicon = CodeSwitching(name="lexicon")  # of the same stage: the order counts
    with pytest.raises(IncompatibleRegularizer, match="put code_switching before lexicon in"):
        texts(tiny_encoder, *cached, lexicon, links())
    assert texts(tiny_encoder, *cached, links(), lexicon)


def test_another_text_comes_first(tiny_encoder: Path, cached: tuple[Path, Path]) -> None:
    class Marked(Regularizer):
        def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
            return [replace(example, text=f"{example.text} x") for example in examples]

    class Noisy(Marked):
        stage = 2

        def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
            return [replace(example, text=f"{example.text} {example.language}") for example in examples]

    found = texts(tiny_encoder, *cached, Noisy(), Marked(), Translated())
    assert set(found) == {"tree house old near x de"}
