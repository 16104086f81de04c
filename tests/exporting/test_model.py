"""Every encoder and pooling has a layout whose library gives the model's logits, without code of ours."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from encoders.test_load import FAMILIES
from torch import nn
from transformers import AutoTokenizer

from conftest import save_tiny_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import MissingPackage, UserError
from xltrobust.example import Example
from xltrobust.exporting.agreement import twenty_texts
from xltrobust.exporting.layout import Layout
from xltrobust.exporting.model import save_model
from xltrobust.models.classifier import RobustClassifier

MAX_LENGTH = 100  # more than some of the twenty texts have, less than the others
LABELS = ["no", "perhaps", "yes"]


def classifier(encoder: Path, pooling: str) -> RobustClassifier:
    """Untrained, with weights so large that its answers depend on the text."""
    torch.manual_seed(3)
    module = RobustClassifier(encoder=str(encoder), labels=LABELS, pooling=pooling).eval()
    for layer in (module.dense, module.out):
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    with torch.no_grad():
        for matrix in (own for own in module.encoder.parameters() if own.dim() == 2):
            matrix.mul_(30)
    return module


def saved(
    module: RobustClassifier, directory: Path, max_length: int = MAX_LENGTH, pairs: bool = False
) -> tuple[Layout, float, Tokenization]:
    directory.mkdir()
    tokenization = Tokenization(str(module.hparams["encoder"]), max_length)
    return *save_model(module, tokenization, directory, pairs), tokenization


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(
    ("family", "pooling", "library"),
    [
        ("bert", "cls", "transformers"),
        ("xlm-roberta", "cls", "transformers"),
        ("deberta-v2", "cls", "transformers"),
        ("roberta", "cls", "transformers"),
        ("bert", "mean", "sentence-transformers"),
        ("xlm-roberta", "mean", "sentence-transformers"),
        ("deberta-v2", "mean", "sentence-transformers"),
        ("distilbert", "cls", "sentence-transformers"),
    ],
)
def test_twenty_logits_are_equal(family: str, pooling: str, library: str, pairs: bool, tmp_path: Path) -> None:
    options = FAMILIES.get(family, {"max_position_embeddings": 140})
    module = classifier(save_tiny_encoder(tmp_path / "encoder", family, **options), pooling)
    layout, difference, tokenization = saved(module, tmp_path / "model", pairs=pairs)
    assert layout.library == library and difference < 1e-4
    lengths = tokenization.table([Example("0", "en", text, 0) for text in twenty_texts(tokenization, False)]).lengths
    assert lengths.max() == MAX_LENGTH > lengths.min()
    theirs = layout.logits(tmp_path / "model", twenty_texts(tokenization, pairs))
    assert theirs.shape == (20, 3) and theirs.std(0).min() > 0.05
    assert AutoTokenizer.from_pretrained(tmp_path / "model").model_max_length == MAX_LENGTH
    assert tokenization.tokenizer.model_max_length == 120  # others read it


@pytest.mark.parametrize(("pooling", "pairs"), [("cls", False), ("cls", True), ("mean", False), ("mean", True)])
def test_the_usage_it_tells_runs(pooling: str, pairs: bool, tiny_encoder: Path, tmp_path: Path, capsys) -> None:
    module = classifier(tiny_encoder, pooling)
    layout, _, tokenization = saved(module, tmp_path / "model", pairs=pairs)
    texts = twenty_texts(tokenization, pairs)[9:12]
    capsys.readouterr()
    exec(layout.usage(str(tmp_path / "model"), texts, MAX_LENGTH), {})
    said = capsys.readouterr().out
    answers = layout.logits(tmp_path / "model", texts).argmax(1).tolist()
    assert re.findall("|".join(LABELS), said) == [LABELS[at] for at in answers], said


def test_no_untrained_pooler_is_made_on_loading(tiny_encoder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    saved(classifier(tiny_encoder, "mean"), tmp_path / "model")
    chain = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    assert chain[0].model.pooler is None and chain[0].model.config.id2label == dict(enumerate(LABELS))
    kinds = [own["type"] for own in json.loads((tmp_path / "model" / "modules.json").read_text())]
    assert all(kind.startswith("sentence_transformers.") for kind in kinds)  # loaded without trust_remote_code
    assert not [path for path in (tmp_path / "model").iterdir() if path.name.startswith("tmp")]


def test_a_directory_that_answers_otherwise_is_not_handed_out(tiny_encoder: Path, tmp_path: Path, monkeypatch) -> None:
    module = classifier(tiny_encoder, "mean")
    monkeypatch.setattr(module, "pool", lambda hidden, batch: hidden.max(1).values)
    with pytest.raises(UserError, match="this encoder cannot be exported for sentence-transformers"):
        saved(module, tmp_path / "model")


def test_without_the_package_the_extra_is_named(tiny_encoder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingPackage, match=r"sentence-transformers: pip install 'xltrobust\[export\]'"):
        saved(classifier(tiny_encoder, "mean"), tmp_path / "model")


def test_models_that_read_the_language_are_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    module = classifier(tiny_encoder, "mean")
    tokenization = Tokenization(str(tiny_encoder), MAX_LENGTH)
    tokenization.tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    tokenization.tokenizer.lang2id = {"en": 0, "de": 1}
    with pytest.raises(UserError, match="bert encoders cannot be exported: no library's classifiers are told"):
        save_model(module, tokenization, tmp_path, False)
