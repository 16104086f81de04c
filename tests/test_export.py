"""What is exported answers as the run's model does, in transformers alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from encoders.test_load import FAMILIES
from lightning_fabric import Fabric
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from conftest import run_command, save_tiny_encoder, write_tiny_config
from xltrobust.attack import main as attack
from xltrobust.errors import UserError
from xltrobust.evaluation.opening import open_classifier
from xltrobust.example import Example
from xltrobust.export import _HEADS, export, sequence_classifier
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.stored import load_run_model
from xltrobust.models.victim import ClassifierVictim
from xltrobust.runs.folder import RunFolder


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


MAX_LENGTH = 24  # most texts of the tiny task are longer


@pytest.fixture(scope="module")
def run(tiny_encoder: Path, tiny_task: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that cuts its texts, and ``exported`` beside it."""
    folder = tmp_path_factory.mktemp("exported")
    config = write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task, max_epochs=2)
    own = yaml.safe_load(config.read_text())
    own["model"]["pooling"], own["data"]["init_args"]["max_length"] = "cls", MAX_LENGTH
    config.write_text(yaml.safe_dump(own))
    run_command("fit", "--config", config)
    export(RunFolder(folder / "run"), folder / "exported")
    return folder / "run"


def test_a_run_is_exported_whole_or_not_at_all(run: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(run.parent / "exported").eval()
    tokenizer = AutoTokenizer.from_pretrained(run.parent / "exported")
    module, tokenization = load_run_model(RunFolder(run))
    texts = [
        "the house is red",
        "房子很绿",
        "blau",
        "the old house near a tree is very green",
        "一 房 子 很 近 树 和 老 的 蓝",
    ]
    lengths = set()
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt", truncation=True)
        lengths.add(inputs["input_ids"].shape[1])
        row = tokenization.table([Example("0", "en", text, 0)]).row(0)
        with torch.no_grad():
            assert torch.allclose(model(**inputs).logits, module(tokenization.collate([row])).logits, atol=1e-5)
    assert max(lengths) == MAX_LENGTH and len(lengths) > 2
    assert model.config.id2label[0] == module.labels[0] == "blue"
    assert tokenization.tokenizer.model_max_length == 120  # others read it
    with pytest.raises(UserError, match="exists already"):
        export(RunFolder(run), run.parent / "exported")
    assert sorted(path.name for path in run.parent.iterdir()) == ["config.yaml", "exported", "run"]


def test_the_attack_command_cuts_texts_as_the_exported_run_did(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = yaml.safe_load((run.parent / "config.yaml").read_text())["data"]
    del section["init_args"]["max_length"]
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({"data": section}))
    recipe = {"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"}, "budget": 1}
    recipe["search"] = {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 1}}
    (tmp_path / "typo.yaml").write_text(yaml.safe_dump(recipe))
    arguments = ["--model", str(run.parent / "exported"), "--config", str(tmp_path / "data.yaml")]
    arguments += ["--output", str(tmp_path / "out"), "--attack", str(tmp_path / "typo.yaml"), "--max_examples", "1"]
    attack(arguments)
    ours, theirs = (
        pd.read_parquet(folder / "predictions.parquet").query("attack.isna()") for folder in (run, tmp_path / "out")
    )
    assert list(theirs["prediction"]) == list(ours["prediction"])
    victim = ClassifierVictim(*load_run_model(RunFolder(run)))
    examples = [Example(row.id, row.language, row.text, row.label) for row in ours.itertuples()]
    session = open_classifier(
        str(run.parent / "exported"),
        str(tmp_path / "data.yaml"),
        RunFolder(tmp_path / "out"),
        Fabric(accelerator="cpu"),
    )
    assert abs(session.victim(examples) - victim(examples)).max() < 1e-5

    section["init_args"]["max_length"] = 64
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({"data": section}))
    with pytest.raises(UserError, match=r"data\.yaml: data\.init_args\.max_length is 64, but"):
        attack(arguments)


def test_heads_that_no_class_has_are_refused(tmp_path: Path, tiny_encoder: Path) -> None:
    mean = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], pooling="mean")
    with pytest.raises(UserError, match="mean pooling"):
        sequence_classifier(mean)
    xlm = save_tiny_encoder(tmp_path / "encoder", "xlm", **FAMILIES["xlm"])
    with pytest.raises(UserError, match="xlm encoders cannot be exported"):
        sequence_classifier(RobustClassifier(encoder=str(xlm), labels=["a", "b"]))
