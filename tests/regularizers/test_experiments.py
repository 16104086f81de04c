"""Every regularizer has a YAML file that can be read, and no file names what is not there."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentParser
from regularizers.catalogue import write_synonyms

import xltrobust.regularizers
from xltrobust.cli import FitCLI
from xltrobust.datamodules.parallel.controls import CONTROL_KINDS
from xltrobust.regularizers import Regularizer

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FILES = sorted((EXPERIMENTS / "regularizers").glob("*.yaml"))
ARMS = sorted((EXPERIMENTS / "parallel").glob("*.yaml"))


def read(path: Path, synonyms: Path) -> list[Any]:
    text = path.read_text(encoding="utf8").replace("data/counterfitted_neighbors.json", str(synonyms))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--callbacks", type=list[pl.Callback])
    callbacks = yaml.safe_load(text)["trainer"]["callbacks+"]
    return parser.instantiate_classes(parser.parse_object({"callbacks": callbacks})).callbacks


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_makes_a_regularizer(path: Path, tmp_path: Path) -> None:
    (own,) = read(path, write_synonyms(tmp_path))
    assert isinstance(own, Regularizer)


def test_every_regularizer_has_a_file(tmp_path: Path) -> None:
    named = {type(read(path, write_synonyms(tmp_path))[0]).__name__ for path in FILES}
    assert named == set(xltrobust.regularizers.__all__) - {"Ball", "GradientShare", "Regularizer"}


@pytest.mark.filterwarnings("ignore:LightningCLI")
@pytest.mark.parametrize("path", ARMS, ids=lambda path: path.stem)
def test_an_arm_of_the_study_of_parallel_text_is_complete(path: Path, tmp_path: Path) -> None:
    """The study and the arm make one configuration, in which the corpus is there and the arm's control is kept."""
    run = tmp_path / "run"
    files = [EXPERIMENTS / "studies" / "parallel.yaml", path]
    with patch("sys.stdout", StringIO()) as printed, pytest.raises(SystemExit):
        FitCLI([*(f"--config={file}" for file in files), f"--run_dir={run}", "--print_config"])
    config = yaml.safe_load(printed.getvalue())
    control = config["data"]["init_args"]["parallel"]["init_args"]["control"]
    assert (control or "none") == (path.stem if path.stem in CONTROL_KINDS else "none")
    callbacks = [own["class_path"].rpartition(".")[2] for own in config["trainer"]["callbacks"]]
    assert callbacks[0] == "AlignmentDiagnostics" and len(callbacks) == (3 if path.stem == "both" else 2)
    assert len(config["data"]["init_args"]["parallel"]["init_args"]["bitexts"]) == 1 and not run.exists()


@pytest.mark.filterwarnings("ignore:LightningCLI")
@pytest.mark.parametrize("robust", ["adversarial_training", "data_augmentation_typos"])
def test_files_of_parallel_text_and_of_robust_training_add_up(robust: str) -> None:
    """All of them at once: each file adds a callback of its own, whichever others there are."""
    arms = ["word_code_switching", "sentence_info_nce", "word_alignment"]
    files = [EXPERIMENTS / "studies" / "parallel.yaml", *(EXPERIMENTS / "parallel" / f"{arm}.yaml" for arm in arms)]
    files.append(EXPERIMENTS / "regularizers" / f"{robust}.yaml")
    with patch("sys.stdout", StringIO()) as printed, pytest.raises(SystemExit):
        FitCLI([*(f"--config={file}" for file in files), "--print_config"])
    callbacks = yaml.safe_load(printed.getvalue())["trainer"]["callbacks"]
    last = {"adversarial_training": "AdversarialTraining", "data_augmentation_typos": "DataAugmentation"}[robust]
    assert [own["class_path"].rpartition(".")[2] for own in callbacks] == [
        "AlignmentDiagnostics", "CodeSwitching", "SentenceAlignment", "WordAlignment", last,
    ]  # fmt: skip
