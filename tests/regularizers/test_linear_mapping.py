"""Linear maps: fitted once, orthogonal, applied by language, kept in checkpoints, refused where they would go stale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus
from scipy.linalg import orthogonal_procrustes

from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.exporting.model import save_model
from xltrobust.models.classifier import RobustClassifier
from xltrobust.regularizers import LinearMapping
from xltrobust.text.languages import language_id


def fitted(encoder: Path, task: Path, pairs: Path, **options):
    module, data = make(encoder, task, freeze_encoder=True, **options)
    data.parallel = tiny_corpus(pairs)
    fit = trainer(max_epochs=1, limit_val_batches=1)
    fit.callbacks.append(LinearMapping())
    fit.fit(module, datamodule=data)
    return module, data, fit


def test_the_matrices_are_the_procrustes_solution_on_aligned_words(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data, _ = fitted(tiny_encoder, tiny_task, tiny_pairs)
    assert sorted(module.language_maps.languages) == ["de", "zh"]
    module.eval()
    ends: tuple[list, list] = ([], [])
    for row in data.pairs.rows(("en", "de")).tolist():
        (pair,) = data.pairs.pairs([row])
        vectors = []
        for text in (pair.source, pair.target):
            encoded = data.tokenization.tokenizer(text, return_offsets_mapping=True)
            hidden = module.encoder(input_ids=torch.tensor([encoded["input_ids"]])).last_hidden_state[0]
            bounds, at = [], 0
            for word in text.split():
                inside = [
                    i for i, (start, end) in enumerate(encoded["offset_mapping"]) if at <= start < end <= at + len(word)
                ]
                bounds.append(hidden[inside].mean(0))
                at += len(word) + 1
            vectors.append(bounds)
        for link in data.word_pairs.links(row):
            for side in (0, 1):
                ends[side].append(vectors[side][link[side]].detach())
    expected, _ = orthogonal_procrustes(torch.stack(ends[1]).double().numpy(), torch.stack(ends[0]).double().numpy())
    found = module.language_maps.get_buffer("of_de")
    assert torch.allclose(found.double(), torch.from_numpy(expected), atol=1e-3)
    assert torch.allclose(found @ found.T, torch.eye(16), atol=1e-5)


def test_texts_are_mapped_by_their_language_and_the_source_is_not(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data, _ = fitted(tiny_encoder, tiny_task, tiny_pairs)
    module.eval()
    plain = make(tiny_encoder, tiny_task)[0].eval()
    table = data.tokenization.table([Example("0", own, "das haus", 0) for own in ("en", "deu_Latn", "fr", "zh-CN")])
    batch = data.tokenization.collate([table.row(i) for i in range(4)])
    hidden, before = (own.encode(own.embed(batch), batch) for own in (module, plain))
    assert torch.equal(hidden[0], before[0]) and torch.equal(hidden[2], before[2])
    for row, name in ((1, "of_de"), (3, "of_zh")):
        assert torch.allclose(hidden[row], before[row] @ module.language_maps.get_buffer(name), atol=1e-5)
        assert not torch.allclose(hidden[row], before[row], atol=1e-2)


def test_a_checkpoint_keeps_the_matrices_and_they_are_not_fitted_twice(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data, fit = fitted(tiny_encoder, tiny_task, tiny_pairs)
    fit.save_checkpoint(path := tmp_path / "a.ckpt")
    loaded = RobustClassifier.load_from_checkpoint(path, weights_only=True)
    assert torch.equal(loaded.language_maps.get_buffer("of_zh"), module.language_maps.get_buffer("of_zh"))
    monkeypatch.setattr(LinearMapping, "fit", lambda *_: pytest.fail("fitted again"))
    again = trainer(max_epochs=2, limit_val_batches=1)
    again.callbacks.append(LinearMapping())
    again.fit(make(tiny_encoder, tiny_task, freeze_encoder=True)[0], datamodule=data, ckpt_path=str(path))


def test_fitting_counts_as_a_forward_pass_and_the_encoder_stays(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data, fit = fitted(tiny_encoder, tiny_task, tiny_pairs)
    plain, own = make(tiny_encoder, tiny_task, freeze_encoder=True)
    base = trainer(max_epochs=1, limit_val_batches=1)
    base.fit(plain, datamodule=own)
    pairs = data.pairs.pairs(range(len(data.pairs)))
    examples = [Example("", "en", text, 0) for pair in pairs for text in (pair.source, pair.target)]
    tokens = int(data.tokenization.table(examples).lengths.sum())
    assert module.total_passes().forwards - plain.total_passes().forwards == tokens
    assert module.total_passes().backwards == 0
    for name, value in module.encoder.state_dict().items():
        assert torch.equal(value, plain.encoder.state_dict()[name]), name


def test_it_is_refused_where_it_would_go_stale_or_has_no_words(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path
) -> None:
    module, data = make(tiny_encoder, tiny_task)
    data.parallel = tiny_corpus(tiny_pairs)
    fit = trainer(max_epochs=1)
    fit.callbacks.append(LinearMapping())
    with pytest.raises(UserError, match=r"goes stale if that is trained: set model\.freeze_encoder"):
        fit.fit(module, datamodule=data)
    _ = data.pairs
    data.source = "fr"
    with pytest.raises(UserError, match="no language has words aligned with 'fr'"):
        LinearMapping().fit(module, data)
    with pytest.raises(ValueError, match="`max_pairs` to be at least 1, but got 0"):
        LinearMapping(max_pairs=0)


def test_a_mapped_model_is_not_exported_nor_asked_about_two_languages_at_once(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], pooling="cls")
    module.language_maps.set("to", torch.eye(16))  # Tongan; every module has a method of that name
    with pytest.raises(UserError, match="linear maps of languages cannot be exported"):
        save_model(module, Tokenization(str(tiny_encoder), 16), tmp_path, pairs=False)
    with pytest.raises(UserError, match="pairs of texts in two"):
        module.language_maps(torch.zeros(1, 2, 16), {"language": torch.tensor([language_id("en", "to")])})
