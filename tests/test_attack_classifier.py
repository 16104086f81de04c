"""The attack command on a classifier that another program saved."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from conftest import run_command, save_tiny_encoder
from xltrobust.attack import main as attack
from xltrobust.errors import UserError

NAMES = ["red", "blue", "green"]  # in another order than the task's labels, which are sorted
DRAWS = {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 3}}


def save_classifier(directory: Path, names: list[str]) -> Path:
    """Untrained, of weights so large that its answers depend on the text."""
    save_tiny_encoder(directory)
    config = AutoConfig.from_pretrained(directory, num_labels=len(names), initializer_range=0.6)
    config.id2label, config.label2id = dict(enumerate(names)), {name: at for at, name in enumerate(names)}
    torch.manual_seed(1)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(directory)
    return directory


def write_data(path: Path, data: Path, **options: object) -> Path:
    arguments = {"data_dir": str(data), "source": "en", "languages": ["de", "zh"], "columns": {"id": "id"}} | options
    section = {"class_path": "xltrobust.datamodules.LocalClassification", "init_args": arguments}
    path.write_text(yaml.safe_dump({"data": section}), encoding="utf8")
    return path


def write_recipe(path: Path, search: dict = DRAWS, **options: object) -> Path:
    typos = {"class_path": "xltrobust.perturb.TypoPerturbation"}
    path.write_text(yaml.safe_dump({"perturbation": typos, "search": search} | options), encoding="utf8")
    return path


def read(folder: Path) -> tuple[pd.DataFrame, dict]:
    results = json.loads((folder / "results.json").read_text(encoding="utf8"))
    return pd.read_parquet(folder / "predictions.parquet"), results


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Path:
    """A folder with a classifier, its data, a recipe, and ``out``: what the command left."""
    folder = tmp_path_factory.mktemp("classifier")
    model, config = save_classifier(folder / "model", NAMES), write_data(folder / "data.yaml", tiny_task)
    recipe = write_recipe(folder / "typo.yaml")
    run_command("attack", "--model", model, "--config", config, "--output", folder / "out", "--attack", recipe)
    return folder


GIVEN = {"model": "model", "config": "data.yaml", "output": "out", "attack": "typo.yaml"}


def options(place: Path, **changed: object) -> list[str]:
    given = {name: place / file for name, file in GIVEN.items()}
    return [str(word) for name, value in (given | changed).items() for word in (f"--{name}", value)]


def error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that is said."""
    capsys.readouterr()  # what the test itself has made
    with pytest.raises(UserError) as refused:
        attack(arguments)
    said = capsys.readouterr().err.splitlines()
    assert not [line for line in said if not re.match(r"(test|attack \S+): \d+/\d+ examples in ", line)]
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_clean_predictions_are_those_of_transformers_alone(place: Path) -> None:
    rows, results = read(place / "out")
    clean = rows[rows["attack"].isna()]
    assert len(clean) == 75 and results["labels"] == sorted(NAMES) and results["languages"] == ["en", "de", "zh"]
    model = AutoModelForSequenceClassification.from_pretrained(place / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    with torch.no_grad():
        logits = [model(**tokenizer(text, return_tensors="pt", truncation=True)).logits[0] for text in clean["text"]]
    theirs = [NAMES[int(own.argmax())] for own in logits]
    assert len(set(theirs)) > 1 and [results["labels"][at] for at in clean["prediction"]] == theirs
    for language, own in clean.groupby("language"):
        right = (own["label"] == own["prediction"]).mean()
        assert results["figures"][f"test/acc/{language}"] == pytest.approx(right)


def test_attacked_figures_are_those_of_the_rows_and_the_report_is_made(place: Path) -> None:
    rows, results = read(place / "out")
    attacked, clean = rows[rows["attack"] == "typo"], rows[rows["attack"].isna()]
    assert (attacked["prediction"] != attacked["label"]).sum() > (clean["prediction"] != clean["label"]).sum()
    for language, own in attacked.groupby("language"):
        right = (own["label"] == own["prediction"]).mean()
        assert len(own) == 25 and results["figures"][f"test/adv_acc/typo/{language}"] == pytest.approx(right)
    record = results["attacks"]["typo"]
    assert record["queries"] == attacked["queries"].sum() and record["examples"] == 75
    assert "typo" in (place / "out" / "report" / "report.md").read_text(encoding="utf8")
    assert not (place / "out" / "answers").exists()


def test_a_targeted_attack_leads_to_its_class_alone(place: Path, tmp_path: Path, capsys) -> None:
    def recipe(label: int) -> Path:
        goal = {"class_path": "xltrobust.perturb.Targeted", "init_args": {"label": label}}
        return write_recipe(tmp_path / "to.yaml", {"class_path": "xltrobust.perturb.GradientSearch"}, goal=goal)

    output = shutil.copytree(place / "out", tmp_path / "out")
    attack(options(place, attack=recipe(1), output=output))
    capsys.readouterr()
    rows, results = read(output)
    assert results["attacks"]["to"]["recipe"]["goal"] == {"class": "Targeted", "label": 1}
    clean, own = (rows[at].set_index(["language", "id"]) for at in (rows["attack"].isna(), rows["attack"] == "to"))
    before = clean["prediction"].loc[own.index]
    tried = own["adversarial_text"].notna()
    assert (before[tried] == own["label"][tried]).all() and (own["label"][tried] != 1).all() and tried.any()
    assert (own["prediction"][~tried] == before[~tried]).all()
    reached = own["broken_at"].notna()
    assert reached.any() and (reached == (tried & (own["prediction"] == 1))).all()
    assert "holds another attack named to (recipe.goal.label: 1 there, 2 here)" in error(
        options(place, attack=recipe(2), output=output), capsys
    )
    assert "`label` to be below the number of classes, 3, but got 3" in error(
        options(place, attack=f"far={recipe(3)}", output=output), capsys
    )


def test_a_second_attack_is_added_and_asks_for_no_clean_text_again(place: Path, tmp_path: Path, tiny_encoder) -> None:
    before, results = read(place / "out")
    kind = "xltrobust.perturb.SemanticSimilarity"
    similar = {"class_path": kind, "init_args": {"minimum": 0.999, "encoder": str(tiny_encoder), "prefix": ""}}
    search = {"class_path": "xltrobust.perturb.GradientSearch"}
    recipe = write_recipe(tmp_path / "steep.yaml", search, constraints=[similar], budget=12)
    attack([*options(place, attack=recipe, similarity=tiny_encoder), "--languages", "de", "en"])
    rows, found = read(place / "out")
    old = rows[rows["attack"] != "steep"].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, before)
    assert {name: found["figures"][name] for name in results["figures"]} == results["figures"]
    own, record = rows[rows["attack"] == "steep"], found["attacks"]["steep"]
    assert list(own["language"].unique()) == ["en", "de"] and record["languages"] == ["de", "en"]
    assert own["backwards"].max() == 1 and record["backwards"] == own["backwards"].sum()
    assert (own["queries"] + own["backwards"]).max() <= 12 and record["refused"]["SemanticSimilarity"] > 0
    changed = own["adversarial_text"].notna()
    assert changed.any() and own.loc[changed, "similarity"].between(-1, 1).all()
    assert own.loc[~changed, "similarity"].isna().all() and old["similarity"].isna().all()
    assert "test/adv_acc/steep/zh" not in found["figures"]
    both = rows[rows["attack"].notna() & (rows["language"] == "de")]
    worst = (both["label"] == both["prediction"]).groupby(both["id"]).all().mean()
    assert found["figures"]["test/adv_acc/worst/de"] == pytest.approx(worst)


def test_classes_that_are_not_the_tasks_are_refused(place: Path, tmp_path: Path, capsys) -> None:
    model = save_classifier(tmp_path / "model", ["yes", "no", "perhaps"])
    line = error(options(place, model=model, output=tmp_path / "out"), capsys)
    assert "yes, no, perhaps" in line and "blue, green, red" in line
    assert not (tmp_path / "out" / "results.json").exists()


def test_a_folder_of_another_classifier_is_refused(place: Path, tmp_path: Path, capsys) -> None:
    model = save_classifier(tmp_path / "model", NAMES)
    kept = (place / "out" / "results.json").read_bytes()
    assert "choose another --output" in error(options(place, model=model, attack=place / "typo.yaml"), capsys)
    assert (place / "out" / "results.json").read_bytes() == kept


@pytest.mark.parametrize("changed", [{"languages": ["de"]}, {"test": "{language}/dev.tsv"}])
def test_a_folder_of_other_data_is_refused(place: Path, tmp_path: Path, tiny_task, capsys, changed) -> None:
    config, recipe = write_data(tmp_path / "other.yaml", tiny_task, **changed), write_recipe(tmp_path / "new.yaml")
    kept = (place / "out" / "predictions.parquet").read_bytes()
    assert "other data" in error(options(place, config=config, attack=recipe), capsys)
    assert (place / "out" / "predictions.parquet").read_bytes() == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {encoder: x}", "expected a section `data`"),
        ("data: xltrobust.datamodules.LocalClassification", "section `data`"),
        ("data: [", "not valid YAML"),
        ("data: {class_path: xltrobust.datamodules.Nothing}", "Nothing"),
        ("data: {class_path: xltrobust.datamodules.LocalClassification, init_args: {colour: 1}}", "colour"),
    ],
)
def test_bad_data_sections_get_one_line(place: Path, tmp_path: Path, capsys, text: str, words: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    line = error(options(place, config=tmp_path / "data.yaml", output=tmp_path / "out"), capsys)
    assert words in line and str(tmp_path / "data.yaml") in line


def test_a_model_that_is_not_there_gets_one_line(place: Path, tmp_path: Path, capsys) -> None:
    line = error(options(place, model=tmp_path / "none", output=tmp_path / "out"), capsys)
    assert str(tmp_path / "none") in line


def test_a_language_that_is_not_there_is_told_before_anything_is_tested(place: Path, tmp_path: Path, capsys) -> None:
    arguments = [*options(place, output=tmp_path / "out"), "--languages", "fr"]
    assert "--languages: fr is not among the test sets (de, en, zh)" in error(arguments, capsys)
    assert not (tmp_path / "out").exists()
