"""Classifiers in sentence-transformers' layout: told from transformers' own, and attacked like these."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from torch import nn

from conftest import LABELS, save_tiny_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import MissingPackage, UserError
from xltrobust.example import Example
from xltrobust.models.from_elsewhere import load_classifier
from xltrobust.models.sentence_transformer import SentenceTransformerClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.goal import Misclassification

EXAMPLES = [Example("0", "en", "red", 0), Example("1", "en", "the house is blue", 1), Example("2", "en", "a", 2)]


def save(directory: Path, outputs: int = 3, names: list[str] = LABELS, head: bool = True, **options: object) -> Path:
    """As somebody else may have made it: normalized vectors, and one dense layer on them."""
    encoder = Transformer(
        str(save_tiny_encoder(directory.parent / "encoder", "xlm-roberta", max_position_embeddings=140))
    )
    encoder.model.config.id2label = dict(enumerate(names))
    torch.manual_seed(1)
    parts = [encoder, Pooling(16, "mean"), Normalize()]
    parts += [Dense(16, outputs, activation_function=nn.Identity())] if head else []
    SentenceTransformer(modules=parts, device="cpu", **options).save_pretrained(str(directory), create_model_card=False)
    return directory


def test_logits_are_the_librarys_in_the_order_of_the_tasks_labels(tmp_path: Path) -> None:
    directory = save(tmp_path / "model", names=LABELS[::-1])
    network = load_classifier(str(directory), LABELS)
    assert isinstance(network, SentenceTransformerClassifier)
    answers = ClassifierVictim(network, Tokenization(str(directory), 64))(EXAMPLES)
    theirs = SentenceTransformer(str(directory), device="cpu").encode([own.text for own in EXAMPLES])
    np.testing.assert_allclose(answers, theirs[:, ::-1], atol=1e-5)
    assert answers.std(0).min() > 1e-3


def test_gradients_reach_the_embeddings(tmp_path: Path) -> None:
    directory = save(tmp_path / "model")
    network, tokenization = SentenceTransformerClassifier(str(directory), LABELS), Tokenization(str(directory), 64)
    batch = tokenization.collate([tokenization.table(EXAMPLES).row(at) for at in range(3)])
    assert torch.allclose(network.logits(network.embed(batch), batch), network(batch).logits, atol=1e-6)
    found = ClassifierVictim(network, tokenization).gradients(EXAMPLES, Misclassification())
    assert found[0].gradients.shape == (5, 16) and np.abs(found[0].gradients).max() > 0


def test_a_chain_of_one_is_transformers_own(tmp_path: Path) -> None:
    directory = save_tiny_encoder(tmp_path / "model")
    part = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    (directory / "modules.json").write_text(json.dumps([part]))
    with pytest.raises(UserError, match="not a fine-tuned classifier"):
        load_classifier(str(directory), LABELS)
    with pytest.raises(UserError, match="nobody/nothing: cannot be loaded as a classifier"):  # no such model
        load_classifier("nobody/nothing", LABELS)


def test_what_is_no_classifier_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="not a classifier: it does not end in a dense layer"):
        load_classifier(str(save(tmp_path / "sentences", head=False)), LABELS)
    with pytest.raises(UserError, match="not a classifier"):
        load_classifier(str(save(tmp_path / "five", outputs=5)), LABELS)
    with pytest.raises(UserError, match="its classes .* are not the task's"):
        load_classifier(str(save(tmp_path / "others", names=["a", "b", "c"])), LABELS)
    with pytest.raises(UserError, match="it prefixes or lower-cases texts"):
        prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
        load_classifier(str(save(tmp_path / "prompts", **prompts)), LABELS)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingPackage, match=r"model needs the package sentence-transformers"):
        load_classifier(str(save(tmp_path / "model")), LABELS)


def test_code_from_elsewhere_is_not_run(tmp_path: Path) -> None:
    directory = save(tmp_path / "model")
    parts = json.loads((directory / "modules.json").read_text())
    (directory / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Part: pass\n")
    for kind in ("own.Part", "sentence_transformers.util.misc.import_from_string"):
        (directory / "modules.json").write_text(json.dumps([*parts, parts[-1] | {"type": kind}]))
        with pytest.raises(UserError, match=f"of the library, got {kind}"):
            load_classifier(str(directory), LABELS)
    (directory / "modules.json").write_text("[")
    with pytest.raises(UserError, match="cannot be loaded as a classifier"):
        load_classifier(str(directory), LABELS)
    assert not (tmp_path / "ran").exists()
