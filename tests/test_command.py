"""Commands called from Python: many in one process, each as if it were alone, and errors that can be caught."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import xltrobust.cli  # noqa: F401  Lightning sets log levels and filters of warnings when it is imported
from conftest import run_command, write_tiny_config
from xltrobust import attack, augment, export, fit, predict
from xltrobust.command import as_process
from xltrobust.errors import UserError
from xltrobust.report import __main__ as report
from xltrobust.report import seeds


def process_state() -> dict[str, Any]:
    """What a command could leave changed for the next one."""
    import jsonargparse

    return {
        "arguments": list(sys.argv),
        "folder": os.getcwd(),
        "seeds": {name: value for name, value in os.environ.items() if name.startswith("PL_")},
        "signals": {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)},
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state().tolist(),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "precision": (torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "warnings": [str(own) for own in warnings.filters],
        "levels": {name: logging.getLogger(name).level for name in ("", "pytorch_lightning", "lightning_fabric")},
        "W&B": getattr(sys.modules.get("wandb"), "run", None),
        "YAML": jsonargparse.get_loader("yaml"),
        "threads": {own for own in threading.enumerate() if not own.daemon},
    }


def test_several_commands_in_one_process(tiny_encoder: Path, tiny_task: Path, tmp_path: Path, capsys) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, max_epochs=2, logger=False)
    recipe = yaml.safe_load(config.read_text())["adversarial"]["attacks"]["typo"]
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(recipe))
    alone, first, second = (tmp_path / name for name in ("alone", "method/first", "second"))
    run_command("fit", "--config", config, "--run_dir", alone)
    before = process_state()
    for run in (first, second):
        fit.main(["--config", str(config), "--run_dir", str(run)])
        assert process_state() == before
        attack.main(["--run", str(run), "--attack", str(tmp_path / "more.yaml"), "--max_examples", "5"])
        assert process_state() == before
    report.main([str(first), str(second), "--output", str(tmp_path / "report")])
    seeds.main([str(tmp_path / "method")])
    assert process_state() == before
    assert (tmp_path / "report" / "report.md").exists() and "first" in capsys.readouterr().out
    frames = [pd.read_parquet(run / "predictions.parquet") for run in (first, second)]
    pd.testing.assert_frame_equal(*frames)
    fitted = frames[0].query("attack.isna() or attack == 'typo'").reset_index(drop=True)
    pd.testing.assert_frame_equal(fitted, pd.read_parquet(alone / "predictions.parquet"))
    results = json.loads((second / "results.json").read_text(encoding="utf8"))
    assert results["command"][1:] == ["--config", str(config), "--run_dir", str(second)]


def test_a_run_of_wandb_ends_with_its_command(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, max_epochs=1)
    for name in ("a", "b"):
        fit.main(["--config", str(config), "--run_dir", str(tmp_path / name)])
        assert sys.modules["wandb"].run is None
        assert len(list((tmp_path / name / "wandb").glob("offline-run-*"))) == 1


@pytest.mark.parametrize(
    ("main", "arguments", "words"),
    [
        (fit.main, ["--config", "nowhere.yaml"], "nowhere.yaml"),
        (fit.main, [], "data"),
        (attack.main, ["--run", "nowhere", "--attack", "typo"], "nowhere"),
        (attack.main, ["--run", "nowhere"], "--attack"),
        (predict.main, ["--run", "nowhere", "-"], "nowhere"),
        (export.main, ["--run", "nowhere", "out"], "nowhere"),
        (report.main, ["nowhere"], "nowhere"),
        (report.main, ["nowhere", "--sort", "age"], "--sort"),
        (seeds.main, ["nowhere"], "nowhere"),
    ],
)
def test_errors_can_be_caught(main, arguments: list[str], words: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    before = process_state()
    with pytest.raises(UserError) as refused:
        main(arguments)
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert process_state() == before and capsys.readouterr().err == ""
    assert not list(tmp_path.iterdir())


def test_an_error_restores_the_process_too() -> None:
    before = process_state()
    with pytest.raises(KeyError), as_process(["--option"]):
        assert sys.argv[1:] == ["--option"]
        os.environ["PL_GLOBAL_SEED"] = "3"
        torch.manual_seed(3), np.random.seed(3), random.seed(3)
        raise KeyError
    assert process_state() == before


@pytest.mark.parametrize(
    ("module", "name"),
    [(attack, "attack"), (augment, "augment"), (export, "export"), (report, "report"), (seeds, "seeds")],
)
def test_an_error_names_its_command(module, name: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["xltrobust", "--nonsense"])
    with pytest.raises(SystemExit):
        module.command()
    assert capsys.readouterr().err.startswith(f"{name}: ")
