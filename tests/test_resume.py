"""A run that is killed and started again ends as one that was never killed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from forking import Forking, forking

from conftest import write_tiny_config
from xltrobust.runs.checkpoints import WholeCheckpoints

STEPS = 7  # of an epoch: 120 examples in batches of 16


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with forking(tmp_path_factory.mktemp("printed")) as server:
        yield server


def write_config(
    folder: Path,
    encoder: Path,
    data: Path,
    every_n_train_steps: int | None = None,
    validate_targets: int = 1,
    **trainer: object,
) -> Path:
    folder.mkdir()
    options: dict = {"callbacks": [{"class_path": "killer.Killer"}], "logger": False} | trainer
    path = write_tiny_config(folder / "config.yaml", encoder, data, **options)
    config = yaml.safe_load(path.read_text())
    config["last_checkpoint"] = {"every_n_train_steps": every_n_train_steps}
    config["data"]["init_args"]["validate_targets"] = validate_targets
    path.write_text(yaml.safe_dump(config))
    return path


def outcome(config: Path) -> tuple[pd.DataFrame, dict[str, torch.Tensor], list[dict]]:
    """Predictions, the chosen epoch's weights, and every validation."""
    run = config.parent / "run"
    weights = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    results = json.loads((run / "results.json").read_text(encoding="utf8"))
    return (
        pd.read_parquet(run / "predictions.parquet"),
        weights,
        [*results["checkpoint"]["validation"], results["oracle"]],
    )


def assert_equal(config: Path, expected: tuple[pd.DataFrame, dict[str, torch.Tensor], list[dict]], moment: str) -> None:
    predictions, weights, validations = outcome(config)
    assert validations == expected[2], moment
    pd.testing.assert_frame_equal(predictions, expected[0])
    for name, values in expected[1].items():
        assert torch.equal(weights[name], values), f"{moment}: {name} differs"


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path, command: Forking):
    """What runs end with that were not killed, by their trainers' options."""
    found: dict[str, tuple] = {}

    def of(**trainer: object) -> tuple:
        if repr(trainer) not in found:
            config = write_config(tmp_path_factory.mktemp("whole") / "a", tiny_encoder, tiny_task, None, **trainer)
            assert command.fit("--config", config) == 0, command.stderr
            found[repr(trainer)] = outcome(config)
        return found[repr(trainer)]

    return of


@pytest.mark.parametrize(
    ("moment", "kill_at", "every_n_train_steps", "trainer"),
    [
        ("mid-epoch, back to the epoch's start", f"train_batch_end:{STEPS + 3}", None, {}),
        ("mid-epoch, on from a step", f"train_batch_end:{STEPS + 5}", 3, {}),
        ("on from an epoch's last step", f"train_batch_end:{STEPS + 2}", STEPS, {}),
        ("an epoch's end", "train_epoch_end:2", None, {}),
        ("an epoch's start", "train_epoch_start:3", None, {}),
        ("validation's start, right after a step that is saved", "validation_start:2", STEPS, {}),
        ("validation, right after a step that is saved", "validation_batch_end:8", STEPS, {}),
        ("validation", "validation_batch_end:5", None, {}),
        ("validation within an epoch, after a step that is saved", "validation_start:2", 3, {"val_check_interval": 3}),
        ("after it", f"train_batch_end:{STEPS + 4}", 3, {"val_check_interval": 3}),
        ("validation within an epoch", "validation_start:2", None, {"val_check_interval": 3}),
        ("the test", "test_batch_end:2", None, {}),
        ("mid-epoch, before the targets are due", f"train_batch_end:{STEPS + 3}", 2, {"validate_targets": 2}),
        ("an epoch's end, at which they are not due", "train_epoch_end:1", STEPS, {"validate_targets": 2}),
        ("validation, as they are due", "validation_batch_end:4", STEPS, {"validate_targets": 2}),
        ("after it", f"train_batch_end:{2 * STEPS + 1}", None, {"validate_targets": 2}),
    ],
)
def test_killed_run_ends_as_if_it_had_not_been(
    moment: str,
    kill_at: str,
    every_n_train_steps: int | None,
    trainer: dict,
    never_killed,
    tmp_path: Path,
    tiny_encoder: Path,
    tiny_task: Path,
    command: Forking,
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, every_n_train_steps, **trainer)
    assert command.fit("--config", config, KILL_AT=kill_at) == -9, f"{moment}: the run was not killed"
    assert command.fit("--config", config) == 0, command.stderr
    assert_equal(config, never_killed(**trainer), moment)
    assert sorted(own.name for own in (tmp_path / "b" / "run" / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


@pytest.mark.parametrize("averaging", [{"last": 2}, {"last": 3, "every": 4}, {"decay": 0.7}], ids=str)
@pytest.mark.parametrize(
    ("moment", "kill_at", "every_n_train_steps"),
    [
        ("mid-epoch, on from a step", f"train_batch_end:{2 * STEPS + 5}", 5),
        ("an epoch's end", "train_epoch_end:2", None),
        ("the test", "test_batch_end:2", 5),
    ],
)
def test_averaged_weights_are_those_of_a_run_that_was_not_killed(
    moment: str, kill_at: str, every_n_train_steps: int | None, averaging: dict,
    averaged_whole, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking,
) -> None:  # fmt: skip
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, every_n_train_steps)
    own = yaml.safe_load(config.read_text()) | {"averaging": averaging, "test_weights": "averaged"}
    config.write_text(yaml.safe_dump(own))
    assert command.fit("--config", config, KILL_AT=kill_at) == -9, f"{moment}: the run was not killed"
    assert command.fit("--config", config) == 0, command.stderr
    expected = averaged_whole(averaging)
    assert_equal(config, expected[0], moment)
    for name, weights in averages(config).items():
        assert torch.equal(weights, expected[1][name]), f"{moment}: {name} differs"


def averages(config: Path) -> dict[str, torch.Tensor]:
    run = config.parent / "run"
    assert json.loads((run / "results.json").read_text(encoding="utf8"))["checkpoint"]["weights"] == "averaged"
    return torch.load(run / "checkpoints" / "averaged.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def averaged_whole(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path, command: Forking):
    """What runs end with that average weights and were not killed: as ``outcome``, and the averaged weights."""
    found: dict[str, tuple] = {}

    def of(averaging: dict) -> tuple:
        if repr(averaging) not in found:
            config = write_config(tmp_path_factory.mktemp("averaged") / "a", tiny_encoder, tiny_task)
            own = yaml.safe_load(config.read_text()) | {"averaging": averaging, "test_weights": "averaged"}
            config.write_text(yaml.safe_dump(own))
            assert command.fit("--config", config) == 0, command.stderr
            found[repr(averaging)] = outcome(config), averages(config)
        return found[repr(averaging)]

    return of


def test_the_last_state_is_that_of_the_training_s_end_however_often_it_is_saved(
    never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, 5)
    assert command.fit("--config", config) == 0, command.stderr
    last = torch.load(config.parent / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 3 * STEPS
    assert_equal(config, never_killed(), "saved every few steps")


@pytest.mark.parametrize(
    ("moment", "every_n_train_steps", "where"),
    [("mid-epoch", 2, f"train_batch_end:{STEPS + 3}"), ("validation", None, "validation_batch_end:2")],
)
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_run_that_is_told_to_stop_says_so_and_goes_on_when_started_again(
    moment: str, every_n_train_steps: int | None, where: str, name: str, code: int,
    never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking,
) -> None:  # fmt: skip
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, every_n_train_steps)
    assert command.fit("--config", config, KILL_AT=where, KILL_WITH=name) == code, command.stderr
    assert f"fit: stopped by {name}. Run the same command again" in command.stderr.splitlines()[-1]
    assert "Traceback" not in command.stderr
    assert command.fit("--config", config) == 0
    assert_equal(config, never_killed(), moment)


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-1],
    "spoilt": lambda data: data[:900] + bytes(64) + data[964:],
    "foreign": lambda data: b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_set_aside_for_the_one_before(
    damage: str, never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, 3)
    assert command.fit("--config", config, KILL_AT=f"train_batch_end:{STEPS + 5}") == -9
    last = tmp_path / "b" / "run" / "checkpoints" / "last.ckpt"
    last.write_bytes(DAMAGE[damage](last.read_bytes()))
    assert command.fit("--config", config) == 0, command.stderr
    said = [line for line in command.stderr.splitlines() if line.startswith("fit: ")]
    assert len(said) == 2 and f"{last} is damaged" in said[0] and "previous.ckpt" in said[1], command.stderr
    assert (last.parent / "last.damaged.ckpt").exists()
    assert_equal(config, never_killed(), damage)


def test_without_a_sound_state_training_starts_at_the_beginning(
    never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, 3)
    assert command.fit("--config", config, KILL_AT="train_batch_end:4") == -9
    (tmp_path / "b" / "run" / "checkpoints" / "last.ckpt").write_bytes(b"")
    assert command.fit("--config", config) == 0
    assert "training starts at the beginning" in command.stderr
    assert_equal(config, never_killed(), "from the beginning")


def test_a_full_disk_leaves_the_state_before(
    never_killed, tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task, 3)
    assert command.fit("--config", config, KILL_AT="train_batch_end:4") == -9
    last = tmp_path / "b" / "run" / "checkpoints" / "last.ckpt"
    whole = last.read_bytes()
    assert command.fit("--config", config, largest_file=len(whole) - 1000) == 2
    line = command.stderr.strip().splitlines()[-1]
    assert line.startswith(f"fit: {last}: could not be written (File too large)") and "Traceback" not in command.stderr
    assert last.read_bytes() == whole and [own.name for own in last.parent.iterdir()] == ["last.ckpt"]
    assert command.fit("--config", config) == 0
    assert_equal(config, never_killed(), "a full disk")


def test_checkpoints_are_written_beside_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever $TMPDIR is: on another disk, files that come from there are copied, and a kill leaves half of one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    WholeCheckpoints().save_checkpoint({"a": torch.ones(3)}, tmp_path / "run" / "last.ckpt")
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["a"].tolist() == [1, 1, 1]
    assert [own.name for own in (tmp_path / "run").iterdir()] == ["last.ckpt"]


def test_a_run_that_stopped_early_stays_stopped(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task)
    own = yaml.safe_load(config.read_text())
    own["trainer"]["max_epochs"] = 12
    own["model"] |= {"encoder_lr": 0.0, "head_lr": 0.0}  # nothing improves: it stops after the second validation
    own["early_stopping"] = {"patience": 1}
    config.write_text(yaml.safe_dump(own))
    assert command.fit("--config", config, KILL_AT="test_batch_end:2") == -9
    assert command.fit("--config", config) == 0
    results = json.loads((config.parent / "run" / "results.json").read_text(encoding="utf8"))
    assert [epoch["epoch"] for epoch in results["checkpoint"]["validation"]] == [0, 1]


def test_a_run_that_used_up_its_passes_is_validated_after_the_last_step(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    found = []
    for name, kill_at in (("whole", ""), ("killed", "validation_start:3")):
        config = write_config(tmp_path / name, tiny_encoder, tiny_task, 1, max_epochs=None)
        own = yaml.safe_load(config.read_text())
        own["model"]["max_passes"] = 2.4
        config.write_text(yaml.safe_dump(own))
        if kill_at:
            assert command.fit("--config", config, KILL_AT=kill_at) == -9
        assert command.fit("--config", config) == 0, command.stderr
        found.append(outcome(config))
    assert [epoch.get("epoch") for epoch in found[0][2][:-1]] == [0, 1, 2]
    assert_equal(tmp_path / "killed" / "config.yaml", found[0], "the last validation")


def test_another_configuration_in_the_same_folder_is_refused(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, command: Forking
) -> None:
    config = write_config(tmp_path / "b", tiny_encoder, tiny_task)
    assert command.fit("--config", config, KILL_AT="train_batch_end:1") == -9
    assert command.fit("--config", config, "--model.head_lr", "0.1") == 2
    assert "holds another configuration's run" in command.stderr and "head_lr" in command.stderr
    assert "Traceback" not in command.stderr
