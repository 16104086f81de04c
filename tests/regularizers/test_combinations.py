"""Robust training beside parallel text: each goes with each, costs what both do, and texts change in a fixed order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import BALL, TYPOS, tiny_corpus

from xltrobust.example import Example
from xltrobust.models.passes import PLAIN, Passes
from xltrobust.regularizers import (
    AdversarialTraining,
    CodeSwitching,
    DataAugmentation,
    Regularizer,
    SentenceAlignment,
    WordAlignment,
)

ROBUST: dict[str, Callable[[], Regularizer]] = {
    "adv": lambda: AdversarialTraining(ball=BALL),
    "adv, clean share": lambda: AdversarialTraining(ball=BALL, clean_share=0.5),
    "rs-da": lambda: DataAugmentation(view=TYPOS),
    "rs-da, clean kept": lambda: DataAugmentation(view=TYPOS, keep_clean=True),
}
PARALLEL: dict[str, Callable[[], Regularizer]] = {
    "code switching": lambda: CodeSwitching(words=0.5),
    "sentences": lambda: SentenceAlignment(),
    "words": lambda: WordAlignment(),
}


@pytest.mark.parametrize("parallel", PARALLEL)
@pytest.mark.parametrize("robust", ROBUST)
def test_a_combination_costs_what_its_parts_do(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, robust: str, parallel: str
) -> None:
    module, data = make(tiny_encoder, tiny_task)
    data.parallel = tiny_corpus(tiny_pairs)
    own, other = ROBUST[robust](), PARALLEL[parallel]()
    counted = {"task": 0, "pairs": 0, "sources": 0, "rows": 0}

    def on_train_batch_start(batch, batch_idx) -> None:
        counted["task"] += int(batch["attention_mask"].sum())
        counted["rows"] += len(batch["labels"])
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
    assert torch.isfinite(module.out.weight).all() and not torch.equal(module.out.weight, before)


class Translated(Regularizer):
    """Every text gives way to another."""

    stage = 0

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [replace(example, text="tree house old near", language="de") for example in examples]


def texts(encoder: Path, task: Path, pairs: Path, *callbacks: Regularizer) -> list[str]:
    module, data = make(encoder, task)
    data.parallel = tiny_corpus(pairs)
    fit = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    fit.callbacks += callbacks
    fit.fit(module, datamodule=data)
    batch = next(iter(fit.train_dataloader))
    return data.tokenization.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)


def test_noise_comes_last_whatever_the_order_of_callbacks(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    def pair() -> list[Regularizer]:
        return [CodeSwitching(words=0.9), DataAugmentation(view=TYPOS)]

    forth = texts(tiny_encoder, tiny_task, tiny_pairs, *pair())
    back = texts(tiny_encoder, tiny_task, tiny_pairs, *pair()[::-1])
    switched = texts(tiny_encoder, tiny_task, tiny_pairs, pair()[0])
    assert forth == back and set(forth) != set(switched)
    # Noise within words leaves some words of the switched texts as they were, and no English ones come back.
    known = {word for text in switched for word in text.split()}
    assert sum(word in known for text in forth for word in text.split()) > len(forth)


def test_another_text_comes_first(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    class Marked(Regularizer):
        def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
            return [replace(example, text=f"{example.text} x") for example in examples]

    class Noisy(Marked):
        stage = 2

        def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
            return [replace(example, text=f"{example.text} {example.language}") for example in examples]

    found = texts(tiny_encoder, tiny_task, tiny_pairs, Noisy(), Marked(), Translated())
    assert set(found) == {"tree house old near x de"}
