"""Classifiers from elsewhere: their classes in the task's order, attacked from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from transformers import AutoModelForSequenceClassification

from conftest import LABELS, run_command, save_tiny_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.models.pretrained_classifier import PretrainedClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.goal import Misclassification


def save(directory: Path, names: list[str]) -> Path:
    save_tiny_encoder(directory)
    torch.manual_seed(1)
    options = {"id2label": dict(enumerate(names)), "label2id": {name: at for at, name in enumerate(names)}}
    AutoModelForSequenceClassification.from_pretrained(directory, **options).save_pretrained(directory)
    return directory


def test_logits_come_in_the_order_of_the_tasks_labels(tmp_path: Path) -> None:
    directory = save(tmp_path / "model", LABELS[::-1])
    own, tokenization = PretrainedClassifier(str(directory), LABELS), Tokenization(str(directory), 64)
    examples = [Example("0", "en", "red", 0), Example("1", "en", "the house is blue", 1)]
    victim = ClassifierVictim(own, tokenization)
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    for example, row in zip(examples, victim(examples), strict=True):
        with torch.no_grad():
            expected = model(**tokenization.tokenizer(example.text, return_tensors="pt")).logits[0].numpy()
        np.testing.assert_allclose(row, expected[::-1], atol=1e-5)
    numbered = PretrainedClassifier(str(save(tmp_path / "numbered", ["LABEL_0", "LABEL_1", "LABEL_2"])), LABELS)
    assert numbered.order.tolist() == [0, 1, 2]


def test_gradients_reach_the_embeddings(tmp_path: Path) -> None:
    directory = save(tmp_path / "model", LABELS)
    victim = ClassifierVictim(PretrainedClassifier(str(directory), LABELS), Tokenization(str(directory), 64))
    (found,) = victim.gradients([Example("0", "en", "red", 1)], Misclassification())
    assert found.gradients.shape == found.embeddings.shape == (5, 16) and np.abs(found.gradients).max() > 0


def test_other_classes_and_untrained_heads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its classes .* are not the task's"):
        PretrainedClassifier(str(save(tmp_path / "other", ["a", "b", "c"])), LABELS)
    with pytest.raises(UserError, match="not a fine-tuned classifier, .* is missing"):
        PretrainedClassifier(str(save_tiny_encoder(tmp_path / "encoder")), LABELS)


def test_the_command_tests_and_attacks_it(tmp_path: Path, tiny_task: Path) -> None:
    data = {"class_path": "xltrobust.datamodules.LocalClassification", "init_args": {
        "data_dir": str(tiny_task), "source": "en", "languages": ["de"], "columns": {"id": "id"}}}  # fmt: skip
    config, recipe, output = tmp_path / "data.yaml", tmp_path / "typos.yaml", tmp_path / "output"
    config.write_text(yaml.safe_dump({"data": data}))
    search = {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 2}}
    recipe.write_text(
        yaml.safe_dump({"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"}, "search": search})
    )
    directory = save(tmp_path / "model", LABELS[::-1])
    command = ["--model", directory, "--config", config, "--output", output, "--attack"]
    run_command("attack", *command, recipe)
    rows = pd.read_parquet(output / "predictions.parquet")
    clean = rows[rows["attack"].isna() & (rows["language"] == "en")]
    figures = json.loads((output / "results.json").read_text())["figures"]
    assert len(clean) == 25
    assert figures["test/acc/en"] == pytest.approx((clean["label"] == clean["prediction"]).mean())
    assert len(rows) == 2 * 2 * 25 and (output / "report" / "report.md").exists()
    run_command("attack", *command, f"more={recipe}")
    assert set(json.loads((output / "results.json").read_text())["attacks"]) == {"typos", "more"}
