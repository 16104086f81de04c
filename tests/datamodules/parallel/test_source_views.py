"""The control of two views of the source texts: the rows of the true pairs, no translation, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datamodules.parallel.test_stream import make_data
from models.test_classifier import make, trainer
from regularizers.catalogue import TYPOS, tiny_corpus, write_synonyms

from xltrobust.datamodules import PairTable, ParallelCorpus
from xltrobust.errors import IncompatibleRegularizer, UserError
from xltrobust.perturb import RandomView, SynonymSubstitution
from xltrobust.regularizers import CodeSwitching, SentenceAlignment, WordAlignment


def batches(encoder: Path, task: Path, pairs: Path, count: int = 12, **options: object) -> list[dict]:
    data = make_data(encoder, task, pairs, pair_batch_size=40)
    data.parallel = tiny_corpus(pairs, **options)
    data.add_stream("sentence_pairs")
    stream = data.pair_stream()
    return [next(stream) for _ in range(count)]


def texts(batch: dict, half: int) -> list[list[int]]:
    """The tokens of the texts of one half; how far a batch is padded depends on both halves."""
    halves = (batch[name].chunk(2)[half] for name in ("input_ids", "attention_mask"))
    return [row[mask.bool()].tolist() for row, mask in zip(*halves, strict=True)]


def test_the_sources_are_those_of_the_true_pairs_twice(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    """In the same batches, so that a step has the same positives, and negatives from the same sentences."""
    true = batches(tiny_encoder, tiny_task, tiny_pairs)
    views = batches(tiny_encoder, tiny_task, tiny_pairs, control="source_views")
    for own, twice in zip(true, views, strict=True):
        assert texts(twice, 0) == texts(twice, 1) == texts(own, 0) != texts(own, 1)
        first, second = twice["texts"].chunk(2)
        assert torch.equal(first, second) and torch.equal(first, own["texts"].chunk(2)[0])
        assert twice["language"].unique().tolist() == own["language"].chunk(2)[0].unique().tolist()


def test_a_view_changes_the_second_text_always_in_the_same_way(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    found: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for batch in batches(tiny_encoder, tiny_task, tiny_pairs, control="source_views", source_view=TYPOS):
        for source, view in zip(texts(batch, 0), texts(batch, 1), strict=True):
            assert source != view
            found.setdefault(tuple(source), set()).add(tuple(view))
    # Three rounds: a text has as many views as pairs, of which none has more than two.
    assert max(map(len, found.values())) <= 2


def test_what_differs_from_true_pairs_is_recorded(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    lengths = {}
    for control in (None, "source_views", "shuffled_pairs"):
        data = make_data(tiny_encoder, tiny_task, tiny_pairs)
        data.parallel = tiny_corpus(tiny_pairs, control=control)
        data.add_stream("sentence_pairs")
        counts = data.data_counts()["parallel"]
        kind = {None: None, "source_views": "neutral", "shuffled_pairs": "harm bound"}[control]
        assert (counts["control"], counts.get("control_kind")) == (control, kind)
        assert ("control_tokens" in counts) == (control == "source_views")
        pairs = data.pairs.pairs(range(len(data.pairs)))
        encode = data.tokenization.tokenizer
        lengths[control] = sum(len(encode(text)["input_ids"]) for own in pairs for text in (own.source, own.target))
        if control == "source_views":
            assert counts["control_tokens"] == pytest.approx(lengths[control] / lengths[None], abs=1e-4)


def test_training_is_contrastive_and_costs_what_its_texts_do(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data = make(tiny_encoder, tiny_task, pooling="mean", dropout=0.1, encoder_lr=1e-2)
    data.parallel = tiny_corpus(tiny_pairs, control="source_views")
    losses, tokens = [], 0

    def on_train_batch_start(batch, batch_idx) -> None:
        nonlocal tokens
        tokens += int(batch["attention_mask"].sum() + batch["pairs"]["attention_mask"].sum())

    module.on_train_batch_start = on_train_batch_start  # type: ignore[method-assign]
    module.log = lambda name, value, **more: losses.append(float(value.detach())) if "align" in name else None  # type: ignore[method-assign]
    fit = trainer(max_epochs=3, limit_train_batches=7, limit_val_batches=0)
    fit.callbacks.append(SentenceAlignment())
    fit.fit(module, datamodule=data)
    assert module.total_passes() == (tokens, tokens, 0)
    assert len(losses) == 21 and sum(losses[-4:]) < 0.7 * sum(losses[:4])


def test_without_dropout_the_views_would_be_one(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, tmp_path: Path
) -> None:
    def fit(**options: object) -> None:
        module, data = make(tiny_encoder, tiny_task, dropout=0.0)
        data.parallel = tiny_corpus(tiny_pairs, control="source_views", **options)
        own = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
        own.callbacks.append(SentenceAlignment())
        own.fit(module, datamodule=data)

    with pytest.raises(IncompatibleRegularizer, match="by dropout, and the encoder has none: set model.dropout, or"):
        fit()
    fit(source_view=TYPOS)
    german = SynonymSubstitution(tables={"de": str(write_synonyms(tmp_path))})
    with pytest.raises(UserError, match="SynonymSubstitution cannot change en"):
        fit(source_view=RandomView(perturbation=german))


@pytest.mark.parametrize("method", [WordAlignment, CodeSwitching])
def test_methods_of_words_have_other_controls(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, method: type
) -> None:
    module, data = make(tiny_encoder, tiny_task)
    data.parallel = tiny_corpus(tiny_pairs, control="source_views")
    own = trainer(max_epochs=1)
    own.callbacks.append(method())
    with pytest.raises(UserError, match="source_views has no translations, and so no words to align"):
        own.fit(module, datamodule=data)


def test_texts_of_another_language_are_refused(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    table = PairTable(path=str(tiny_pairs), source_language="fr", target_language_column="language")
    data.parallel = tiny_corpus(tiny_pairs, bitexts=[table], control="source_views")
    with pytest.raises(UserError, match="task's language, 'en', but the corpus has pairs of fr and de: exchange"):
        _ = data.pairs
    with pytest.raises(ValueError, match="`control` to be 'source_views' with `source_view`, but got None"):
        ParallelCorpus(bitexts=[object()], source_view=TYPOS)  # type: ignore[list-item]
