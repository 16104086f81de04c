"""Consistency compares a text with its view, row by row."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import TYPOS, write_synonyms

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb import RandomView, SynonymSubstitution
from xltrobust.regularizers import ConsistencyRegularization, DataAugmentation
from xltrobust.regularizers.divergence import symmetric_kl


class SameText(ConsistencyRegularization):
    def second_view(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return examples


def fit(encoder: Path, task: Path, *regularizers, **options):
    """One step; the module, its batch, and what the terms were."""
    module, data = make(encoder, task, dropout=0.0, **options)
    batches, terms = [], []
    for own in regularizers:
        term = own.term

        def recorded(module, batch, output, term=term):
            batches.append(batch)
            terms.append(term(module, batch, output))
            return terms[-1]

        own.term = recorded
    fitting = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    fitting.callbacks += regularizers
    fitting.fit(module, datamodule=data)
    return module, data, batches[0], terms[0]


def test_the_same_text_gives_zero(tiny_encoder: Path, tiny_task: Path) -> None:
    *_, term = fit(tiny_encoder, tiny_task, SameText(view=TYPOS))
    assert abs(term.item()) < 1e-6


@pytest.mark.parametrize("keep_clean", [None, False, True])
def test_the_view_is_of_the_same_rows_texts(tiny_encoder: Path, tiny_task: Path, keep_clean: bool | None) -> None:
    others = [] if keep_clean is None else [DataAugmentation(view=TYPOS, keep_clean=keep_clean)]
    own = ConsistencyRegularization(view=TYPOS, name="twin")
    module, data, batch, term = fit(tiny_encoder, tiny_task, own, *others, encoder_lr=0.0, head_lr=0.0)
    decode = data.tokenization.tokenizer.batch_decode
    views = decode(batch["views"]["twin"]["input_ids"], skip_special_tokens=True)
    texts = [data._data("train", "en").examples[i].text for i in batch["index"].tolist()]
    assert len(views) == len(texts) == 16 * (2 if keep_clean else 1)
    assert all(view != text and abs(len(view) - len(text)) < 6 for view, text in zip(views, texts, strict=True))
    with torch.no_grad():
        expected = symmetric_kl(module(batch).logits, module(batch["views"]["twin"]).logits).mean()
    assert term.item() == pytest.approx(expected.item(), rel=1e-4) and term.item() > 0


def test_stop_gradient_leaves_the_clean_side_alone(tiny_encoder: Path, tiny_task: Path) -> None:
    for stop in (False, True):
        module, _, batch, _ = fit(tiny_encoder, tiny_task, ConsistencyRegularization(view=TYPOS, stop_gradient=stop))
        output = module(batch)
        output.logits.retain_grad()
        ConsistencyRegularization(view=TYPOS, stop_gradient=stop).term(module, batch, output).backward()
        assert (output.logits.grad is None) == stop


def test_a_source_language_that_cannot_be_changed_is_refused(tiny_encoder: Path, tiny_task: Path, tmp_path) -> None:
    german = SynonymSubstitution(tables={"de": str(write_synonyms(tmp_path))})
    for own in (DataAugmentation, ConsistencyRegularization):
        module, data = make(tiny_encoder, tiny_task)
        fitting = trainer(max_epochs=1)
        fitting.callbacks.append(own(view=RandomView(perturbation=german)))
        with pytest.raises(UserError, match="cannot change en: it has no synonym table here"):
            fitting.fit(module, datamodule=data)
