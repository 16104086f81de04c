"""The model card says what the run's files say, in metadata that the hub's own classes read, and escapes the rest."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import ModelCard
from report_runs import EVIL, write_run

from xltrobust.exporting.card import model_card
from xltrobust.exporting.sentence_transformer import SentenceTransformerChain
from xltrobust.exporting.sequence_classifier import SequenceClassifier
from xltrobust.report import build_report

RECIPES = {
    "typos": {"recipe": {"perturbation": {"class": "TypoPerturbation"}, "search": {"class": "RandomSearch", "draws": 5},
                         "constraints": [], "budget": 100}, "seed": 3},
    "words": {"recipe": {"perturbation": {"class": "WordDropping"}, "search": {"class": "RandomSearch", "draws": 5},
                         "constraints": [{"class": "KeepNumbers"}], "budget": None}},
}  # fmt: skip


def add(run: Path, **results: object) -> Path:
    """Has ``results.json`` say more."""
    path = run / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | results))
    return run


def written(run: Path, name: str = "mine", chain: bool = False) -> ModelCard:
    """The card as it is read back from its file."""
    layout = SentenceTransformerChain() if chain else SequenceClassifier()
    model_card(build_report([run]), layout, name, 64, 2.5e-7).save(run / "README.md")
    return ModelCard.load(run / "README.md")


def test_the_metadata_holds_each_accuracy_with_its_interval(tmp_path: Path) -> None:
    run = add(write_run(tmp_path / "run"), attacks=RECIPES)
    data = written(run).data
    assert data.language == ["en", "de", "zh"] and data.library_name == "transformers"
    assert data.model_name == "base" and data.base_model == "mini_lm" and data.pipeline_tag == "text-classification"
    rows = pd.read_parquet(run / "predictions.parquet").query("split == 'test'")
    rows["right"] = rows["label"] == rows["prediction"]
    found = {(own.dataset_config, own.metric_name): own for own in data.eval_results}
    assert len(found) == len(data.eval_results) == 3 * 4
    for language, own in rows.groupby("language"):
        clean, typos = own[own["attack"].isna()], own[own["attack"] == "typos"]
        assert found[language, "Accuracy"].metric_value == pytest.approx(clean["right"].mean())
        result = found[language, "Accuracy under attack: typos"]
        assert result.metric_value == pytest.approx(typos["right"].mean()) and result.metric_args["examples"] == 20
        low, high = result.metric_args["confidence_interval_95"]
        assert low < result.metric_value < high
        same = clean[clean["id"].isin(typos["id"])]["right"].mean()
        assert result.metric_args["clean_accuracy_on_the_same_examples"] == pytest.approx(same)
        assert (language, "Accuracy under every attack") in found
    assert {(own.dataset_type, own.dataset_split, own.metric_type) for own in data.eval_results} == {
        ("xnli", "test", "accuracy")
    }


def test_definitions_are_hashed_as_the_card_says(tmp_path: Path) -> None:
    run = add(write_run(tmp_path / "run"), attacks=RECIPES)
    card = written(run)
    entries = json.loads(re.search(r"```json\n(.*?)\n```", card.text, re.DOTALL)[1])
    assert entries == {name: own["recipe"] for name, own in RECIPES.items()}
    for name, entry in entries.items():
        digest = hashlib.blake2b(json.dumps(entry, sort_keys=True).encode(), digest_size=16).hexdigest()[:12]
        assert re.search(rf"\| {name} \|.*\| {digest} \|", card.text)
        told = {
            own.metric_args["attack_definition"] for own in card.data.eval_results if own.metric_name.endswith(name)
        }
        assert told == {digest}
    assert "| 100 | 3 |" in card.text  # the budget, and the attack's own seed
    assert "is an upper bound" in card.text and "has not been measured" not in card.text


def test_what_can_be_told_of_use_limits_and_origin_is_there(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", attacks=(), text_pairs=True)
    config = "data:\n  class_path: xltrobust.datamodules.XNLI\n  init_args: {hub: facebook/xnli, data_dir: null}\n"
    (run / "config.yaml").write_text(config)
    card = written(run, "me/mine", chain=True)
    assert card.data.datasets == ["facebook/xnli"] and card.data.library_name == "sentence-transformers"
    assert card.data.eval_results[0].dataset_type == "facebook/xnli"
    assert "SentenceTransformer('me/mine')" in card.text and "('All human beings" in card.text
    assert "64 tokens" in card.text and "at most 2.5e-07" in card.text
    assert "has not been measured" in card.text and "## Attacks" not in card.text
    assert "| commit | abc (with local changes) |" in card.text and "fit.py --config 'a b.yaml'" in card.text


def test_nothing_from_outside_is_markup(tmp_path: Path) -> None:
    record = {EVIL: {"recipe": RECIPES["typos"]["recipe"] | {"search": {"class": EVIL}}}}
    evil = dict.fromkeys(("task", "encoder", "commit"), EVIL)
    run = write_run(
        tmp_path / "run", name=EVIL, languages=("en", "de>fr", EVIL), attacks=(EVIL,), labels=[EVIL], **evil
    )
    card = written(add(run, attacks=record, command=[EVIL]), EVIL)
    prose = re.sub(r"^(`{3,})\w+\n.*?\n\1$", "", card.text, flags=re.DOTALL | re.MULTILINE)
    for markup in ("<script>", "a|b", "[x](y)", "`c`", "*d*", "\u202e"):
        assert markup not in prose
    assert "\u202e" not in card.text and prose.count("\n# ") + prose.startswith("# ") == 1
    assert card.data.model_name == EVIL and card.data.language == ["en", "de", "fr"] and card.data.base_model is None
    assert {own.dataset_config for own in card.data.eval_results} == {"en", "de>fr", EVIL}
    assert re.fullmatch("[a-z0-9-]+", card.data.eval_results[0].dataset_type)
