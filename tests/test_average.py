"""The mean of several runs' weights: equal to one by hand, a run like any other, and refused where it means nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from forking import Forking, forking

from conftest import write_tiny_config
from xltrobust.attack import main as attack
from xltrobust.average import main as average
from xltrobust.errors import UserError
from xltrobust.models.stored import load_run_model
from xltrobust.runs.folder import RunFolder


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with forking(tmp_path_factory.mktemp("printed")) as server:
        yield server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path, command: Forking) -> list[Path]:
    """Two runs of different seeds with one head at the start."""
    folder = tmp_path_factory.mktemp("average")
    config = write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task, max_epochs=1, logger=False)
    shared = ["--config", config, "--model.head_seed", 5, "--model.freeze_embeddings", "true"]
    for seed in (1, 2):
        code = command.fit(*shared, "--run_dir", folder / str(seed), "--seed_everything", seed)
        assert code == 0, command.stderr
    return [folder / "1", folder / "2"]


def test_the_mean_of_two_runs_is_tested_and_attacked_like_a_run(runs: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "mean"
    average([*map(str, runs), "--output", str(output)])
    folder = RunFolder(output)
    states = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in runs]
    found = torch.load(folder.averaged, weights_only=True)
    assert folder.checkpoint == folder.averaged and found["state_dict"].keys() == states[0]["state_dict"].keys()
    for name, weights in found["state_dict"].items():
        first, second = (state["state_dict"][name] for state in states)
        assert torch.allclose(weights, (first + second) / 2, atol=1e-7), name
    # Adam's first steps are of equal size: what no gradient reaches, or always the same way, may be equal.
    assert not torch.equal(states[0]["state_dict"]["dense.weight"], states[1]["state_dict"]["dense.weight"])
    counts = [sum(kind) for kind in zip(*(state["passes"]["counts"] for state in states), strict=True)]
    assert found["passes"]["counts"] == counts
    for name in ("task_steps", "task_examples"):
        assert found["passes"][name] == sum(state["passes"][name] for state in states) > 0
    results = folder.finished
    assert results["checkpoint"]["averaging"] == {"weights": "last", "seeds": [1, 2]}
    assert results["seed"] == 1 and results["head_seed"] == 5 and "test/acc/de" in results["figures"]
    output.rename(tmp_path / "moved")  # a folder is complete in itself
    module, _ = load_run_model(RunFolder(tmp_path / "moved"))
    assert torch.equal(module.dense.weight, found["state_dict"]["dense.weight"])
    recipe = {"perturbation": {"class_path": "TypoPerturbation"}, "search": {"class_path": "RandomSearch"}, "budget": 2}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(recipe))
    attack(["--run", str(tmp_path / "moved"), "--attack", str(tmp_path / "own.yaml"), "--max_examples", "3"])
    assert "own" in RunFolder(tmp_path / "moved").finished["attacks"]


def change_config(name: str, value: object) -> object:
    def change(run: Path) -> None:
        config = yaml.safe_load((run / "config.yaml").read_text())
        config["model"][name] = value
        (run / "config.yaml").write_text(yaml.safe_dump(config))

    return change


def change_results(run: Path, **changed: object) -> None:
    path = run / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf8")) | changed))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_config("head_seed", None), "2: its head's initial weights are of the run's own seed"),
        (change_config("head_seed", 6), r"in more than the seed \(model.head_seed: 6, not 5\)"),
        (change_config("encoder_lr", 0.1), r"in more than the seed \(model.encoder_lr: 0.1, not 0.005\)"),
        (lambda run: change_results(run, seed=1), "the runs' seeds are 1, 1"),
        (lambda run: change_results(run, labels=["a"]), "2 differs from .*1 in its labels"),
        (lambda run: change_results(run, checkpoint={"weights": "best"}), "tested its best weights"),
        (lambda run: (run / "checkpoints" / "last.ckpt").write_bytes(b"x"), "last.ckpt: not a complete checkpoint"),
        (lambda run: (run / "results.json").unlink(), "results.json: not found"),
    ],
)
def test_what_has_no_mean_is_refused_and_leaves_nothing(runs: list[Path], tmp_path: Path, change, words: str) -> None:
    shutil.copytree(runs[1], tmp_path / "2")
    change(tmp_path / "2")
    with pytest.raises(UserError, match=words):
        average([str(runs[0]), str(tmp_path / "2"), "--output", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()


def test_a_run_alone_or_twice_or_a_folder_that_exists_is_refused(runs: list[Path], tmp_path: Path) -> None:
    first = str(runs[0])
    for given in ([first], [first, first]):
        with pytest.raises(UserError, match="at least two different runs"):
            average([*given, "--output", str(tmp_path / "mean")])
    with pytest.raises(UserError, match="exists already"):
        average([*map(str, runs), "--output", str(tmp_path)])


def test_a_mean_that_cannot_be_tested_leaves_nothing(runs: list[Path], tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(run, tmp_path / run.name)) for run in runs]
    for run in copies:
        text = (run / "config.yaml").read_text()
        own = yaml.safe_load(text)
        own["data"]["init_args"]["data_dir"] = "/nowhere"
        (run / "config.yaml").write_text(yaml.safe_dump(own))
    with pytest.raises(UserError, match="/nowhere"):
        average([*map(str, copies), "--output", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()
