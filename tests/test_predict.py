"""New text is classified as the test set was, from a file or a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from conftest import run_command, write_tiny_config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    run_command("fit", "--config", write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task))
    return folder / "run"


def test_predictions_are_those_of_the_run(run: Path, tmp_path: Path) -> None:
    clean = pd.read_parquet(run / "predictions.parquet").query("attack.isna()")
    (tmp_path / "texts.txt").write_text("\n".join(clean.text) + "\n", encoding="utf8")
    answers = [
        json.loads(line) for line in run_command("predict", "--run", run, tmp_path / "texts.txt").stdout.splitlines()
    ]
    labels = json.loads((run / "results.json").read_text(encoding="utf8"))["labels"]
    assert [answer["text"] for answer in answers] == list(clean.text)
    assert [answer["label"] for answer in answers] == [labels[i] for i in clean.prediction]
    for answer in answers:
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        assert max(answer["probabilities"], key=answer["probabilities"].get) == answer["label"]


def test_a_pipe_is_read(run: Path) -> None:
    command = [sys.executable, "-m", "xltrobust.predict", "--run", str(run), "-"]
    done = subprocess.run(command, input="das haus ist grün\n", capture_output=True, text=True, env=os.environ | {})
    assert json.loads(done.stdout)["text"] == "das haus ist grün"


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no such file"), ("a\tb\n", ":1: expected one text"), (b"\xff\xfe\x00", "not UTF-8")]
)
def test_bad_input_gets_one_line(run: Path, tmp_path: Path, text: str | bytes | None, words: str) -> None:
    file = tmp_path / "texts.txt"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run_command("predict", "--run", run, file, check=False)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_an_unfinished_run_is_named(tmp_path: Path) -> None:
    done = run_command("predict", "--run", tmp_path, "-", check=False)
    assert done.returncode == 2 and "is" in done.stderr and "finished run" in done.stderr
