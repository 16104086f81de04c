"""The demo, shrunk: the bundled encoder, real voice commands, from the command to the picture."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from conftest import run_command

QUICKSTART = Path(__file__).parent.parent / "experiments" / "quickstart.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("quickstart") / "run"
    shrunk = {
        "run_dir": folder,
        "trainer.max_epochs": 2,
        "data.init_args.languages": "[de,zh-CN]",
        "data.init_args.max_train_examples": 320,
        "data.init_args.max_test_examples": 46,
        "data.init_args.max_dev_examples": 23,
        "adversarial.max_examples": 23,
    }
    options = [part for name, value in shrunk.items() for part in (f"--{name}", value)]
    return folder, run_command("fit", "--config", QUICKSTART, *options).stdout


def test_the_table_and_the_files_are_there(run: tuple[Path, str]) -> None:
    folder, printed = run
    for words in ("clean", "typo", "avg (targets)", "transfer gap", "zh-CN", "95 % confidence"):
        assert words in printed
    for name in ("report.md", "report.csv", "heatmap.png"):
        assert str(folder / "report" / name) in printed and (folder / "report" / name).stat().st_size > 500


def test_something_was_learnt_and_the_attack_undoes_some_of_it(run: tuple[Path, str]) -> None:
    figures = json.loads((run[0] / "results.json").read_text(encoding="utf8"))["figures"]
    assert figures["test/acc/en"] > 3 * figures["test/majority/en"]
    assert figures["test_seen/acc/en"] > 3 * figures["test_seen/majority/en"]
    assert figures["test/adv_acc/typo/avg_all"] < figures["test/acc/avg_all"]


def test_templates_are_what_intervals_resample(run: tuple[Path, str]) -> None:
    predictions = pd.read_parquet(run[0] / "predictions.parquet")
    assert set(predictions.split) == {"test", "test_seen"}
    assert (predictions.id.str.rpartition("/")[0] == predictions.group).all()
    counts = json.loads((run[0] / "results.json").read_text(encoding="utf8"))["data"]
    assert set(counts["intents_covered"]) == {"en", "de", "zh-CN"} and counts["intents_covered"]["en"] >= 20


def test_new_commands_are_classified_without_a_network(run: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("turn on the kitchen light\nschalte das Licht im Flur ein\n", encoding="utf8")
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    answers = [
        json.loads(line) for line in run_command("predict", "--run", run[0], tmp_path / "texts.txt").stdout.splitlines()
    ]
    assert len(answers) == 2 and all(answer["label"].startswith("Hass") for answer in answers)
