"""Alignment is measured on held-out pairs: it rises where there is alignment to learn, and not by shuffled pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus

from xltrobust.datamodules.parallel.stream import text_id
from xltrobust.evaluation.alignment import AlignmentDiagnostics
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.metrics.alignment import alignment_figures
from xltrobust.regularizers import SentenceAlignment

FIGURES = ("retrieval", "retrieval_back", "margin", "hubness", "cka_debiased", "word_retrieval", "word_retrieval_back")


def trained(encoder: Path, task: Path, pairs: Path, control: str | None, epochs: int = 12) -> dict[str, float]:
    """Figures after a training on sentence pairs, and before it."""
    module, data = make(encoder, task, pooling="mean", encoder_lr=1e-2, dropout=0.0)
    data.parallel = tiny_corpus(pairs, control=control)
    own = AlignmentDiagnostics()
    fit = trainer(max_epochs=epochs, limit_val_batches=1, callbacks=[SentenceAlignment(temperature=0.2), own])
    fit.fit(module, datamodule=data)
    fit.test(module, datamodule=data, verbose=False)
    return MultilingualEvaluation.of(fit).figures


def test_pairs_raise_retrieval_and_shuffled_ones_do_not(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    aligned = trained(tiny_encoder, tiny_task, tiny_pairs, None)
    shuffled = trained(tiny_encoder, tiny_task, tiny_pairs, "shuffled_pairs")
    for language in ("de", "avg"):
        for figure in FIGURES:
            assert f"start/{figure}/{language}" in aligned and f"test/{figure}/{language}" in aligned
    start, after = (
        {name: own[name] for name in ("start/retrieval/avg", "test/retrieval/avg")} for own in (aligned, shuffled)
    )
    assert start["start/retrieval/avg"] == after["start/retrieval/avg"]
    chance = 1 / 10
    assert start["test/retrieval/avg"] > start["start/retrieval/avg"] + 0.25
    assert after["test/retrieval/avg"] < start["start/retrieval/avg"] + chance


def test_figures_are_those_of_the_held_out_pairs(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    module, data = make(tiny_encoder, tiny_task, pooling="mean")
    data.parallel = tiny_corpus(tiny_pairs)
    found = AlignmentDiagnostics(words=False).measure(module, data)
    assert module.training and set(found) == {
        f"{figure}/{language}" for figure in FIGURES[:5] for language in ("de", "zh", "avg")
    }
    module.eval()
    pairs = data.pairs.held_out(("en", "de"))
    vectors, groups = [], []
    for side in ("source", "target"):
        encoded = []
        for own in pairs:
            ids = torch.tensor([data.tokenization.tokenizer(getattr(own, side))["input_ids"]])
            encoded.append(module.encoder(input_ids=ids).last_hidden_state[0].mean(0))
        vectors.append(torch.stack(encoded))
        groups.append(torch.tensor([text_id(getattr(own, side)) for own in pairs]))
    expected = alignment_figures(*vectors, source_groups=groups[0], target_groups=groups[1])
    for name, value in expected.items():
        assert found[f"{name}/de"] == pytest.approx(value, abs=1e-4)
        assert found[f"{name}/avg"] == pytest.approx((found[f"{name}/de"] + found[f"{name}/zh"]) / 2)


def test_figures_before_training_are_measured_once_for_an_encoder(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    measured = []

    class Counting(AlignmentDiagnostics):
        def measure(self, *args, **options) -> dict[str, float]:
            measured.append(super().measure(*args, **options))
            return measured[-1]

    def start(change: float = 0.0, pooling: str = "mean", **options) -> dict[str, float]:
        module, data = make(tiny_encoder, tiny_task, pooling=pooling)
        with torch.no_grad():
            next(iter(module.encoder.parameters()))[5] += change
        data.parallel = tiny_corpus(tiny_pairs)
        own = Counting(**options)
        fit = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0, callbacks=[own])
        fit.fit(module, datamodule=data)
        return {name.removeprefix("start/"): value for name, value in own.start.items()}

    assert start() == start() == measured[0] and len(measured) == 1
    for others in ({"change": 0.5}, {"pooling": "cls"}, {"subwords": "last"}):
        assert start(**others) == measured[-1]
    assert len(measured) == 4


def test_too_few_words_are_refused() -> None:
    with pytest.raises(ValueError, match="`max_words` to be at least 2, but got 1"):
        AlignmentDiagnostics(max_words=1)
