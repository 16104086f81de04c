"""A run that is killed and started again ends as one that was never killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from conftest import write_tiny_config

STEPS = 7  # of an epoch: 120 examples in batches of 16


def fit(config: Path, kill_at: str | None = None) -> int:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    if kill_at:
        environment["KILL_AT"] = kill_at
    command = [sys.executable, "-m", "xltrobust.fit", "--config", str(config)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, -9), done.stderr[-4000:]
    return done.returncode


def write_config(folder: Path, encoder: Path, data: Path, every_n_train_steps: int | None) -> Path:
    folder.mkdir()
    path = write_tiny_config(folder / "config.yaml", encoder, data, callbacks=[{"class_path": "killer.Killer"}])
    config = yaml.safe_load(path.read_text())
    config["last_checkpoint"] = {"every_n_train_steps": every_n_train_steps}
    config["trainer"]["logger"] = False
    path.write_text(yaml.safe_dump(config))
    return path


def outcome(config: Path) -> tuple[pd.DataFrame, dict[str, torch.Tensor]]:
    run = config.parent / "run"
    weights = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    return pd.read_parquet(run / "predictions.parquet"), weights


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path):
    config = write_config(tmp_path_factory.mktemp("whole") / "a", tiny_encoder, tiny_task, None)
    assert fit(config) == 0
    return outcome(config)


@pytest.mark.parametrize(
    ("moment", "kill_at", "every_n_train_steps"),
    [
        ("mid-epoch, back to the epoch's start", f"train_batch_end:{STEPS + 3}", None),
        ("mid-epoch, on from a step", f"train_batch_end:{STEPS + 5}", 3),
        ("on from an epoch's last step", f"train_batch_end:{STEPS + 2}", STEPS),
        ("an epoch's end", "train_epoch_end:2", None),
        ("an epoch's start", "train_epoch_start:3", None),
        ("validation's start, right after a checkpoint", "validation_start:2", STEPS),
        ("validation", "validation_batch_end:5", None),
        ("the test", "test_batch_end:2", None),
    ],
)
def test_killed_run_ends_as_if_it_had_not_been(
    moment: str, kill_at: str, every_n_train_steps: int | None, never_killed, tmp_path: Path, tiny_encoder, tiny_task
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, every_n_train_steps)
    assert fit(config, kill_at) == -9, f"{moment}: the run was not killed"
    assert fit(config) == 0
    predictions, weights = outcome(config)
    expected_predictions, expected_weights = never_killed
    pd.testing.assert_frame_equal(predictions, expected_predictions)
    for name, expected in expected_weights.items():
        assert torch.equal(weights[name], expected), f"{moment}: {name} differs"


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, None)
    own = yaml.safe_load(config.read_text())
    own["trainer"]["max_epochs"] = 12
    own["model"] |= {"encoder_lr": 0.0, "head_lr": 0.0}  # nothing improves: it stops after the second validation
    own["early_stopping"] = {"patience": 1}
    config.write_text(yaml.safe_dump(own))
    assert fit(config, "test_batch_end:2") == -9
    assert fit(config) == 0
    results = json.loads((config.parent / "run" / "results.json").read_text(encoding="utf8"))
    assert [epoch["epoch"] for epoch in results["checkpoint"]["validation"]] == [0, 1]


def test_another_configuration_in_the_same_folder_is_refused(
    never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, None)
    assert fit(config, "train_batch_end:1") == -9
    command = [sys.executable, "-m", "xltrobust.fit", "--config", str(config), "--model.head_lr", "0.1"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "holds another configuration's run" in done.stderr and "head_lr" in done.stderr
    assert "Traceback" not in done.stderr
