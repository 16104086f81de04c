"""What the README prints runs as it is printed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification

from conftest import LABELS, WORDS
from xltrobust import fit
from xltrobust.perturb import AttackResult

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf8")


def printed(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found


def test_a_classifier_of_texts_is_attacked(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_encoder, num_labels=3)
    shutil.copytree(tiny_encoder, tmp_path / "my-model")
    model.save_pretrained(tmp_path / "my-model")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(printed("python"), names)
    (result,) = names["results"]
    assert isinstance(result, AttackResult) and 1 <= result.queries <= 100


def write_reviews(folder: Path) -> None:
    colours, others = WORDS["en"]
    for language in ("en", "de", "sw", "zh"):
        (folder / language).mkdir(parents=True)
        for split, size in {"train": 24, "dev": 6, "test": 4}.items():
            rows = [f"{split}-{n}\t{others[n % 9]} {colours[n % 3]}\t{LABELS[n % 3]}" for n in range(size)]
            (folder / language / f"{split}.tsv").write_text("\n".join(["id\treview\tstars", *rows]), encoding="utf8")


def test_ones_own_data_is_trained_on_for_as_long_as_it_says(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reviews(tmp_path / "data" / "reviews")
    (tmp_path / "reviews.yaml").write_text(printed("yaml"), encoding="utf8")
    monkeypatch.chdir(tmp_path)
    fit.main(["--config", "reviews.yaml", "--model.encoder", str(tiny_encoder), "--trainer.logger", "false"])
    results = json.loads((tmp_path / "runs" / "reviews" / "results.json").read_text(encoding="utf8"))
    assert results["languages"] == ["en", "de", "sw", "zh"]
    validated = results["checkpoint"]["validation"]
    assert [epoch["epoch"] for epoch in validated] == list(range(5)) and "target_acc" not in validated[0]
    assert results["data"]["examples"]["dev"] == {"en": 6}
