"""What is exported answers as the run's model does, in transformers alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_encoders import FAMILIES
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from conftest import run_command, save_tiny_encoder, write_tiny_config
from xltrobust.errors import UserError
from xltrobust.export import _HEADS, export, sequence_classifier
from xltrobust.models.classifier import RobustClassifier
from xltrobust.run import RunFolder


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "deberta-v2", "roberta"])
def test_logits_are_equal(family: str, tmp_path: Path) -> None:
    options = FAMILIES.get(family, {"max_position_embeddings": 140})
    encoder = save_tiny_encoder(tmp_path / "encoder", family, **options)
    module = RobustClassifier(encoder=str(encoder), labels=["a", "b", "c"]).eval()
    torch.nn.init.normal_(module.dense.weight)  # so that the head matters
    torch.nn.init.normal_(module.out.weight)
    ids = torch.randint(5, 200, (4, 9))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        theirs = sequence_classifier(module)(**batch).logits
        assert torch.allclose(theirs, module(batch).logits, atol=1e-5)
        assert theirs.std() > 0.1
    assert family in _HEADS


def test_a_run_is_exported_whole_or_not_at_all(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, max_epochs=2)
    run = tmp_path / "run"
    run_command("fit", "--config", config, "--model.pooling", "cls")
    run_command("export", "--run", run, tmp_path / "exported")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "exported").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "exported")
    module, tokenization = RunFolder(run).load()
    texts = ["the house is red", "房子很绿", "blau"]
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            assert torch.allclose(model(**inputs).logits, module(dict(inputs)).logits, atol=1e-5)
    assert model.config.id2label[0] == module.labels[0] == "blue"
    with pytest.raises(UserError, match="exists already"):
        export(RunFolder(run), tmp_path / "exported")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "exported", "run"]


def test_heads_that_no_class_has_are_refused(tmp_path: Path, tiny_encoder: Path) -> None:
    mean = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], pooling="mean")
    with pytest.raises(UserError, match="mean pooling"):
        sequence_classifier(mean)
    xlm = save_tiny_encoder(tmp_path / "encoder", "xlm", **FAMILIES["xlm"])
    with pytest.raises(UserError, match="xlm encoders cannot be exported"):
        sequence_classifier(RobustClassifier(encoder=str(xlm), labels=["a", "b"]))
