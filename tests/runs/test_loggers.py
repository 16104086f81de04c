"""W&B's offline file holds the figures, and W&B never stands in a run's way."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import run_command, write_tiny_config
from wandb_files import Logged
from xltrobust.evaluation.tracking import attack_config, options_of
from xltrobust.exporting.attacks import definitions
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.loggers import PatientWandbLogger, WandbOptions, default_loggers, wandb_mode


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Path:
    folder = tmp_path_factory.mktemp("logged")
    run_command("fit", "--config", write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task))
    return folder / "run"


def table(run: Path, logged: Logged, name: str) -> pd.DataFrame:
    (file,) = run.glob(f"wandb/offline-run-*/files/{logged.history[f'{name}/path']}")
    stored = json.loads(file.read_text(encoding="utf8"))
    return pd.DataFrame(stored["data"], columns=stored["columns"])


def test_figures_of_the_test_are_single_values_and_one_table(run: Path) -> None:
    figures = json.loads((run / "results.json").read_text(encoding="utf8"))["figures"]
    logged = Logged(run)
    assert {"test/acc/de", "test/adv_acc/typo/zh", "test/acc_attacked/typo/zh", "test/transfer_gap"} <= set(figures)
    for name, value in figures.items():
        assert logged.summary[name] == pytest.approx(value, abs=1e-6), name
    assert not [name for name in logged.history if name.startswith("test/")]
    results = table(run, logged, "results").set_index("language")
    assert {"en", "de", "zh"} <= set(results.index)
    for language in ("en", "de", "zh"):
        assert results["clean accuracy"][language] == pytest.approx(figures[f"test/acc/{language}"])
        assert results["typo accuracy"][language] == pytest.approx(figures[f"test/adv_acc/typo/{language}"])
    whole = table(run, logged, "results_with_intervals")
    assert (whole["low"].dropna() <= whole["high"].dropna()).all() and len(whole) > len(results)
    assert logged.history["attacked_examples/nrows"] > 0
    assert list(run.glob(f"wandb/offline-run-*/files/{logged.history['heat_map/path']}"))


def test_curves_are_drawn_over_plain_passes(run: Path) -> None:
    logged = Logged(run)
    assert logged.axes["*"] == "passes"
    curves = [row for row in logged.rows if {"train/task", "val/source_acc", "oracle/best_epoch"} & set(row)]
    assert curves and all({"passes", "epoch"} <= set(row) for row in curves)
    passes = [row["passes"] for row in curves]
    whole = json.loads((run / "results.json").read_text(encoding="utf8"))["passes"]["plain_passes"]
    assert passes == sorted(passes) and passes[-1] == pytest.approx(whole)
    assert logged.summary["cost/task_steps"] == 3 * (120 // 16)
    assert {"val/acc/en", "val/source_acc", "train/task"} <= set(logged.history)


def test_runs_can_be_grouped_and_filtered(run: Path) -> None:
    logged = Logged(run)
    results = json.loads((run / "results.json").read_text(encoding="utf8"))
    config = logged.config
    assert (config["seed"], config["languages"], config["source"]) == (7, ["en", "de", "zh"], "en")
    for name in ("task", "encoder", "commit", "dirty", "versions", "regularizers"):
        assert config[name] == results[name], name
    assert config["method"] == "plain" and config["data"]["init_args"]["batch_size"] == 16
    assert config["trainer"]["max_epochs"] == 3
    assert config["attacks"]["typo"]["recipe"] == results["attacks"]["typo"]["recipe"]
    assert config["attacks"]["typo"]["definition"] == definitions(results)["typo"]
    assert config["suite"] == attack_config({"other": results["attacks"]["typo"]["recipe"]})["suite"]
    announced = logged.runs[0]
    assert announced.run_group.startswith("LocalClassification/") and "/plain-" in announced.run_group
    assert announced.job_type == "fit" and {"LocalClassification", "typo"} <= set(announced.tags)


def test_suites_have_the_hash_of_their_definition() -> None:
    own, other = ({"hash": digits * 16, "mode": "robust"} for digits in ("ab", "cd"))
    found = attack_config({}, {"standard-1": own})
    assert found["suites"] == {"standard-1": {"definition": "ab" * 6, "mode": "robust"}}
    assert found["suite"] not in (None, attack_config({}, {"standard-1": other})["suite"])
    # In full, its attacks are among the attacks, by which runs were told apart before.
    attacks = {"typo": {"budget": 3}}
    assert attack_config(attacks, {"standard-1": own | {"mode": "full"}})["suite"] == attack_config(attacks)["suite"]


def test_an_attack_goes_on_with_the_runs_own_run(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "run"
    shutil.copytree(run, mine)
    before = Logged(mine)
    typo = yaml.safe_load((mine / "config.yaml").read_text())["adversarial"]["attacks"]["typo"]
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(typo | {"budget": 2}))
    run_command("attack", "--run", mine, "--attack", tmp_path / "again.yaml")
    after, figures = Logged(mine), json.loads((mine / "results.json").read_text(encoding="utf8"))["figures"]
    assert {own.run_id for own in after.runs} == {(mine / ".wandb-id").read_text()} and len(after.runs) > len(
        before.runs
    )
    assert after.summary["test/adv_acc/again/de"] == pytest.approx(figures["test/adv_acc/again/de"])
    assert set(after.config["attacks"]) == {"typo", "again"} and after.config["suite"] != before.config["suite"]
    assert after.config["seed"] == before.config["seed"]
    assert "again accuracy" in table(mine, after, "results")


def test_options_of_wandb_do_not_make_another_run(run: Path, tmp_path: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["wandb"]["group"] is None
    config["wandb"] |= {"group": "mine", "tags": ["a"]}
    RunFolder(run).check_config(yaml.safe_dump(config))
    given = WandbOptions(project="p", group="g" * 200, job_type="sweep", tags=["a", "a", "b" * 100])
    (logger, _) = default_loggers(str(tmp_path / "run"), given)
    assert isinstance(logger, PatientWandbLogger)
    assert logger._wandb_init["group"] == "g" * 128 and logger._wandb_init["job_type"] == "sweep"
    assert logger._wandb_init["tags"] == ["a", "b" * 64] and logger.name == "p"


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
    while not (values := Logged(tmp_path / "run").history) and time.monotonic() < until:
        time.sleep(0.05)
    assert values["a"] == 0.5
    assert (tmp_path / "run" / ".wandb-id").read_text() == logger.experiment.id


def test_runs_that_differ_in_the_seed_alone_are_one_group() -> None:
    config = {
        "seed_everything": 1, "run_dir": "a", "data": {"class_path": "xltrobust.datamodules.XNLI"},
        "model": {"encoder": "intfloat/multilingual-e5-small"}, "adversarial": {"attacks": {"typo": {}}},
        "trainer": {"max_epochs": 3}, "wandb": {"tags": ["mine"], "group": None},
    }  # fmt: skip
    own = options_of(config, ["smart", "r3f"])
    assert own.group is not None and own.group.startswith("XNLI/multilingual-e5-small/r3f+smart-")
    assert own.tags == ["mine"] and own.job_type == "fit"
    assert options_of(config | {"seed_everything": 2, "run_dir": "b"}, ["smart", "r3f"]).group == own.group
    assert options_of(config | {"trainer": {"max_epochs": 4}}, ["smart", "r3f"]).group != own.group
    assert options_of(config | {"wandb": None, "test_checkpoint": "a.ckpt"}, []).job_type == "test"
    assert options_of(config | {"wandb": {}}, ["r3f"]).tags == ["XNLI", "multilingual-e5-small", "r3f", "typo"]
