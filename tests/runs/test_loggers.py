"""W&B's offline file holds the figures, and W&B never stands in a run's way."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import run_command, write_tiny_config
from xltrobust.runs.loggers import PatientWandbLogger, wandb_mode

_BLOCK = 32768


def wandb_records(path: Path) -> Iterator:
    """The records of a ``.wandb`` file: protocol buffers in the frames of LevelDB's log format."""
    from wandb.proto import wandb_internal_pb2

    data = path.read_bytes()
    at, whole = 7, b""  # the file begins with an identifier of seven bytes
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:  # too little left in the block for another frame's header
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0:
            at += _BLOCK - at % _BLOCK
            continue
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # full, last
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def logged(run: Path) -> dict[str, float]:
    """The last value of everything a run logged to W&B."""
    (file,) = run.glob("wandb/offline-run-*/*.wandb")
    values = {}
    for record in wandb_records(file):
        for item in record.history.item:
            key = "/".join(item.nested_key) if item.nested_key else item.key
            values[key] = json.loads(item.value_json)
    return values


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Path:
    folder = tmp_path_factory.mktemp("logged")
    run_command("fit", "--config", write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task))
    return folder / "run"


def test_every_figure_is_in_wandbs_file(run: Path) -> None:
    figures = json.loads((run / "results.json").read_text(encoding="utf8"))["figures"]
    values = logged(run)
    assert {"test/acc/de", "test/adv_acc/typo/zh", "test/acc_attacked/typo/zh", "test/transfer_gap"} <= set(figures)
    for name, value in figures.items():
        assert values[name] == pytest.approx(value, abs=1e-6), name
    assert {"val/acc/de", "val/source_acc", "train/task", "oracle/best_target_dev_acc"} <= set(values)
    assert values["attacked_examples/nrows"] > 0


def test_a_resumed_run_keeps_its_id_and_the_csv_has_the_figures(run: Path) -> None:
    first = PatientWandbLogger(str(run))
    assert (run / ".wandb-id").read_text() in next(run.glob("wandb/offline-run-*")).name
    assert first.save_dir == str(run)
    text = (run / "csv" / "version_0" / "metrics.csv").read_text()
    assert "test/adv_acc/typo/de" in text.splitlines()[0]


def test_mode_follows_the_environment_and_asks_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert wandb_mode() == "offline"
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password 0123456789\n")
    netrc.chmod(0o600)
    assert wandb_mode() == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org/")
    assert wandb_mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert wandb_mode() == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() == "disabled"


def test_a_wandb_that_dies_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import wandb

    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = PatientWandbLogger(str(tmp_path / "run"))

    def broken(*_, **__):
        raise ConnectionResetError("gone")

    monkeypatch.setattr(type(logger.experiment), "log", broken)
    with pytest.warns(UserWarning, match="W&B failed"):
        logger.log_metrics({"a": 1.0}, step=1)
    logger.log_metrics({"a": 1.0}, step=2)  # silent now
    logger.finalize("success")
    assert wandb.run is None or wandb.run.disabled


def test_a_wandb_that_does_not_start_is_told_and_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import wandb

    real, modes = wandb.init, []

    def failing(**options):
        modes.append(options["mode"])
        if options["mode"] != "disabled":
            raise wandb.errors.CommError("no network")
        return real(**options)

    monkeypatch.setattr(wandb, "init", failing)
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.warns(UserWarning, match="W&B did not start"):
        PatientWandbLogger(str(tmp_path / "run")).log_metrics({"a": 1.0}, step=1)
    assert modes == ["online", "offline", "disabled"]


def test_a_wandb_that_is_out_of_reach_goes_on_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.setenv("WANDB_MODE", "online")
        monkeypatch.setattr("xltrobust.runs.loggers._INIT_SECONDS", 4)
        logger = PatientWandbLogger(str(tmp_path / "run"))
        with pytest.warns(UserWarning, match=r"W&B did not start \(online\)") as said:
            logger.log_metrics({"a": 0.5}, step=1)
    assert [str(warning.message) for warning in said if "W&B" in str(warning.message)] == [str(said[0].message)]
    assert logger.experiment.settings.mode == "offline"
    logger.experiment.finish()
    until = time.monotonic() + 20  # its service writes on for a moment
    while not (values := logged(tmp_path / "run")) and time.monotonic() < until:
        time.sleep(0.05)
    assert values["a"] == 0.5
    assert (tmp_path / "run" / ".wandb-id").read_text() == logger.experiment.id
