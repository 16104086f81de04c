"""Extra clean examples cost what sentence pairs cost, and leave the task's batches as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus

from xltrobust.building import build
from xltrobust.errors import UserError
from xltrobust.regularizers import ExtraCleanBatches, Regularizer, SentenceAlignment


def train(encoder: Path, task: Path, pairs: Path | None, callbacks: list[Regularizer], **options) -> tuple:
    """The model, the examples of the task's batches, and the data."""
    module, data = make(encoder, task)
    if pairs is not None:
        data.parallel, data.pair_rounds = tiny_corpus(pairs), options.pop("rounds", None)
    data.pair_batch_size = 4
    seen: list[list[int]] = []
    start = module.on_train_batch_start
    module.on_train_batch_start = lambda batch, at: seen.append(batch["index"].tolist()) or start(batch, at)
    fitting = trainer(**{"max_epochs": 3} | options, limit_val_batches=0, callbacks=callbacks)
    fitting.fit(module, datamodule=data)
    return module, seen, data


@pytest.mark.parametrize("rounds", [None, 1])
def test_they_cost_what_pairs_cost(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, rounds: int | None) -> None:
    arms = [[SentenceAlignment()], [ExtraCleanBatches()], []]
    (pairs, first, _), (extra, second, data), (plain, third, _) = (
        train(tiny_encoder, tiny_task, tiny_pairs, arm, rounds=rounds) for arm in arms
    )
    assert first == second == third  # the arms of a seed see the task's batches in one order
    spent, same = pairs.training_cost(), extra.training_cost()
    assert 0 <= spent["forwards_tokens"] - same["forwards_tokens"] < data.train_lengths.max()
    assert same["plain_passes"] == pytest.approx(spent["plain_passes"], rel=0.005)
    assert spent["task_steps"] == same["task_steps"] == plain.training_cost()["task_steps"]
    assert same["task_examples"] > spent["task_examples"] == plain.training_cost()["task_examples"]
    assert data.visits_record() is None or data.visits_record()["visited"] == 0


def test_a_number_of_examples_needs_no_pairs(tiny_encoder: Path, tiny_task: Path) -> None:
    extra = ExtraCleanBatches(examples=5)
    module, seen, data = train(tiny_encoder, tiny_task, None, [extra])
    assert module.training_cost()["task_examples"] == len(seen) * (16 + 5)
    found = np.concatenate([extra.chosen(number) for number in range(48)])
    assert (np.bincount(found) == 2).all() and len(found) == 240  # every example equally often
    batch, texts = data.clean_batch(extra.chosen(3)), data.train_examples
    decoded = data.tokenization.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
    assert decoded == [texts[place].text for place in extra.chosen(3)]
    assert batch["labels"].tolist() == [texts[place].label for place in extra.chosen(3)]


def test_what_follows_depends_on_the_batch_alone(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    found = []
    for first in (0, 9):  # from the beginning, and resumed
        extra = ExtraCleanBatches()
        train(tiny_encoder, tiny_task, tiny_pairs, [extra], max_epochs=1, limit_train_batches=1)
        extra.on_train_start(*_stopped(tiny_encoder, tiny_task, tiny_pairs))
        found.append([extra.chosen(number).tolist() for number in range(first, 14)])
    assert found[0][9:] == found[1] and any(found[1])


def _stopped(encoder: Path, task: Path, pairs: Path) -> tuple:
    module, _, _ = train(encoder, task, pairs, [], max_epochs=1, limit_train_batches=1)
    return module.trainer, module


def test_without_pairs_or_a_number_it_is_refused(tiny_encoder: Path, tiny_task: Path) -> None:
    with pytest.raises(ValueError, match="`examples` to be at least 1, but got 0"):
        ExtraCleanBatches(examples=0)
    with pytest.raises(UserError, match="no sentence pairs to match: give `examples`"):
        train(tiny_encoder, tiny_task, None, [ExtraCleanBatches()])


def test_their_weight_may_be_a_share(tiny_encoder: Path, tiny_task: Path) -> None:
    options = {"examples": 5, "weight": {"share": 0.5, "steps": 2}}
    extra = build("regularizer", ExtraCleanBatches, options, "the test")
    module, *_ = train(tiny_encoder, tiny_task, None, [extra], max_epochs=1, limit_train_batches=3)
    assert module.share_records()["extra_clean_batches"]["share"] == pytest.approx(0.5)
