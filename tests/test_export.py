"""What is exported answers as the run's model does, in the library that it is exported for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard
from lightning_fabric import Fabric
from transformers import AutoConfig, AutoTokenizer

from conftest import write_tiny_config
from xltrobust.attack import main as attack
from xltrobust.errors import UserError
from xltrobust.evaluation.opening import data_section, open_classifier
from xltrobust.example import Example
from xltrobust.export import export, main
from xltrobust.fit import main as fit
from xltrobust.models.stored import load_run_model
from xltrobust.models.victim import ClassifierVictim
from xltrobust.runs.folder import RunFolder

MAX_LENGTH = 24  # most texts of the tiny task are longer


@pytest.fixture(scope="module", params=["cls", "mean"])
def run(
    request: pytest.FixtureRequest, tiny_encoder: Path, tiny_task: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that cuts its texts, and ``exported`` beside it."""
    folder = tmp_path_factory.mktemp("exported")
    config = write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task, max_epochs=2)
    own = yaml.safe_load(config.read_text())
    own["model"]["pooling"], own["data"]["init_args"]["max_length"] = request.param, MAX_LENGTH
    config.write_text(yaml.safe_dump(own))
    fit(["--config", str(config)])
    main(["--run", str(folder / "run"), str(folder / "exported")])
    return folder / "run"


def test_a_run_is_exported_whole_or_not_at_all(run: Path) -> None:
    config = AutoConfig.from_pretrained(run.parent / "exported")
    assert config.id2label == {0: "blue", 1: "green", 2: "red"} and config.xltrobust_max_length == MAX_LENGTH
    assert AutoTokenizer.from_pretrained(run.parent / "exported").model_max_length == MAX_LENGTH
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in (run.parent / "exported").rglob("*"))
    card = ModelCard.load(run.parent / "exported" / "README.md")
    figures = RunFolder(run).finished["figures"]
    told = {own.dataset_config: own.metric_value for own in card.data.eval_results if own.metric_name == "Accuracy"}
    assert told == pytest.approx({name: figures[f"test/acc/{name}"] for name in ("en", "de", "zh")}, abs=1e-4)
    before = sorted(run.parent.iterdir())
    with pytest.raises(UserError, match="exists already"):
        export(RunFolder(run), run.parent / "exported")
    with pytest.raises(UserError, match="not found; is .* the folder of a finished run"):
        export(RunFolder(run.parent), run.parent / "other")
    with pytest.raises(UserError, match="--push me/mine: HF_HUB_OFFLINE is set"):  # before anything is written
        main(["--run", str(run), str(run.parent / "other"), "--push", "me/mine"])
    assert sorted(run.parent.iterdir()) == before


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
        data_section(str(tmp_path / "data.yaml")),
        str(tmp_path / "data.yaml"),
        RunFolder(tmp_path / "out"),
        Fabric(accelerator="cpu"),
    )
    assert abs(session.victim(examples) - victim(examples)).max() < 1e-5

    section["init_args"]["max_length"] = 64
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({"data": section}))
    with pytest.raises(UserError, match=r"data\.yaml: data\.init_args\.max_length is 64, but"):
        attack(arguments)
