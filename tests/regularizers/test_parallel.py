"""Alignment as a stage before the task: what is learnt when, and what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus

from xltrobust.models.passes import Passes
from xltrobust.regularizers import R3F, SentenceAlignment, WordAlignment
from xltrobust.runs.checkpoints import SourceEarlyStopping


@pytest.mark.parametrize("budget", [None, 4.0])
def test_before_the_task_alignment_is_learnt_alone(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, budget: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data = make(tiny_encoder, tiny_task, max_passes=budget)
    data.parallel = tiny_corpus(tiny_pairs)
    steps: list[tuple[float, set[str], Passes, dict[str, int]]] = []
    logged: set[str] = set()
    heads: list[tuple[float, torch.Tensor]] = []
    monkeypatch.setattr(module, "log", lambda name, *_, **__: logged.add(name))

    def on_train_batch_start(batch, batch_idx) -> None:
        logged.clear()
        tokens = {"task": int(batch["attention_mask"].sum()), "pairs": int(batch["pairs"]["attention_mask"].sum())}
        heads.append((module.progress, module.out.weight.detach().clone()))
        steps.append((module.progress, logged, module.total_passes(), tokens))

    def on_train_batch_end(outputs, batch, batch_idx) -> None:
        progress, _, before, tokens = steps.pop()
        spent = Passes(*(now - then for now, then in zip(module.total_passes(), before, strict=True)))
        steps.append((progress, set(logged), spent, tokens))
        type(module).on_train_batch_end(module, outputs, batch, batch_idx)

    monkeypatch.setattr(module, "on_train_batch_start", on_train_batch_start)
    monkeypatch.setattr(module, "on_train_batch_end", on_train_batch_end)
    fit = trainer(max_epochs=4 if budget is None else -1, limit_val_batches=1)
    fit.callbacks += [
        SentenceAlignment(pretraining_share=0.5),
        WordAlignment(loss="weak", pretraining_share=0.25),
        R3F(),
    ]
    fit.fit(module, datamodule=data)
    cost, task_steps = module.training_cost(), sum(progress >= 0.5 for progress, *_ in steps)
    assert (cost["task_steps"], cost["task_examples"]) == (task_steps, 16 * task_steps)
    # The head begins to learn with the task: nothing has moved it, or what Adam remembers of it, before.
    assert all(torch.equal(weight, heads[0][1]) for progress, weight in heads if progress <= 0.5)
    assert not torch.equal(heads[0][1], heads[-1][1])
    stages = [(progress, "train/task" in names) for progress, names, _, _ in steps]
    assert 0.4 < sum(progress < 0.5 for progress, _ in stages) / len(stages) < 0.7
    assert all(task == (progress >= 0.5) for progress, task in stages)
    for progress, names, spent, tokens in steps:
        terms = names - {"train/task", "train/loss"}
        if progress < 0.25:
            assert terms == {"train/sentence_alignment", "train/word_alignment"}
        elif progress < 0.5:
            assert terms == {"train/sentence_alignment"}
        else:
            assert "train/r3f" in terms and not {"train/sentence_alignment", "train/word_alignment"} & terms
        expected = tokens["pairs"] if progress < 0.5 else 2 * tokens["task"]
        assert spent == Passes(expected, expected, 0)
    assert module.total_passes() == Passes(*map(sum, zip(*(spent for _, _, spent, _ in steps), strict=True)))


def test_nothing_is_stopped_for_want_of_improvement_before_the_task(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data = make(tiny_encoder, tiny_task, encoder_lr=1e-3, head_lr=1e-2)
    data.parallel = tiny_corpus(tiny_pairs)
    fit = trainer(max_epochs=8)
    fit.callbacks += [SentenceAlignment(pretraining_share=0.5), SourceEarlyStopping(patience=1)]
    fit.fit(module, datamodule=data)
    assert fit.current_epoch > 4
