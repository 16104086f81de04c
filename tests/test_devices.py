"""Two processes give what one gives, to the last example."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import run_command, write_tiny_config, write_tiny_task


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """A run on test sets of 25 examples (odd), of which Chinese keeps one: a rank sees nothing of it."""
    folder = tmp_path_factory.mktemp("devices")
    data = write_tiny_task(folder / "data")
    test = data / "zh" / "test.tsv"
    test.write_text("\n".join(test.read_text(encoding="utf8").splitlines()[:2]) + "\n", encoding="utf8")
    config = write_tiny_config(folder / "config.yaml", tiny_encoder, data)
    run_command("fit", "--config", config)
    return config


def again(config: Path, name: str, *options: object) -> tuple[pd.DataFrame, dict]:
    run = config.parent / name
    checkpoint = config.parent / "run" / "checkpoints" / "last.ckpt"
    run_command("fit", "--config", config, "--run_dir", run, "--test_checkpoint", checkpoint, *options)
    return pd.read_parquet(run / "predictions.parquet"), json.loads((run / "results.json").read_text(encoding="utf8"))


def test_two_processes_test_as_one(trained: Path) -> None:
    predictions, results = again(trained, "two", "--trainer.devices", 2)
    expected = pd.read_parquet(trained.parent / "run" / "predictions.parquet")
    pd.testing.assert_frame_equal(predictions, expected)
    alone = json.loads((trained.parent / "run" / "results.json").read_text(encoding="utf8"))
    assert results["figures"] == alone["figures"]
    assert results["machine"]["devices"] == 2 and alone["machine"]["devices"] == 1
    assert (expected["language"] == "zh").sum() == 2  # one clean, one attacked
    assert len(expected) == 2 * (25 + 25 + 1)


def test_two_processes_train(trained: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(trained.read_text())
    config["run_dir"] = str(tmp_path / "run")
    config["trainer"] |= {"devices": 2, "max_epochs": 2}
    config["data"]["init_args"]["validate_targets"] = 2
    config |= {"averaging": {"last": 2}, "test_weights": "averaged"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    run_command("fit", "--config", tmp_path / "config.yaml")
    predictions = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert len(predictions) == 2 * (25 + 25 + 1)
    assert not predictions.duplicated(["language", "id", "attack"]).any()
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf8"))
    assert len(results["checkpoint"]["averaging"]["steps"]) == 2 and results["checkpoint"]["weights"] == "averaged"
    assert ["target_acc" in epoch for epoch in results["checkpoint"]["validation"]] == [False, True]


def test_bf16_runs_on_cpu(trained: Path) -> None:
    predictions, results = again(trained, "bf16", "--trainer.precision", "bf16-mixed")
    assert results["machine"]["precision"] == "bf16-mixed"
    expected = pd.read_parquet(trained.parent / "run" / "predictions.parquet")
    clean = predictions["attack"].isna()
    agreement = (predictions["prediction"] == expected["prediction"])[clean].mean()
    assert agreement > 0.85  # bfloat16 has three digits: close calls fall the other way
