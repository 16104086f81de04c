"""The command: what it leaves, that its configuration can be fed back, and what it says of bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from forking import Forking, forking

from conftest import LABELS, run_command, write_tiny_config, write_tiny_task
from xltrobust.attack import main as attack
from xltrobust.runs.folder import RunFolder


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with forking(tmp_path_factory.mktemp("printed")) as server:
        yield server


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Path:
    path = write_tiny_config(tmp_path_factory.mktemp("fit") / "config.yaml", tiny_encoder, tiny_task, max_epochs=20)
    run_command("fit", "--config", path)
    return path


def test_what_a_run_leaves(config: Path) -> None:
    run = config.parent / "run"
    results = json.loads((run / "results.json").read_text(encoding="utf8"))
    assert results["schema"] == 1 and results["seed"] == 7 and results["head_seed"] is None
    assert results["labels"] == sorted(LABELS) and results["languages"] == ["en", "de", "zh"]
    assert results["versions"]["torch"] and results["command"][1:] == ["--config", str(config)]
    assert results["data"]["examples"]["train"] == {"en": 120}
    assert results["figures"]["test/acc/en"] > 0.8  # the task was learnt
    assert results["figures"]["test/adv_acc/typo/avg_all"] < results["figures"]["test/acc/avg_all"]
    assert len(results["checkpoint"]["validation"]) == 20
    predictions = pd.read_parquet(run / "predictions.parquet")
    assert len(predictions) == 2 * 3 * 25
    english = predictions[(predictions.language == "en") & predictions.attack.isna()]
    assert (english.label == english.prediction).mean() == pytest.approx(results["figures"]["test/acc/en"])
    changed = predictions[predictions.adversarial_text.notna()]
    assert len(changed) and (changed.text != changed.adversarial_text).all() and (changed.queries > 1).all()
    assert (run / "checkpoints" / "best.ckpt").exists() and (run / "checkpoints" / "last.ckpt").exists()
    assert not list(run.rglob(".*.json*")) and not list(run.rglob(".*.parquet*"))


def test_the_written_configuration_gives_the_same_run(config: Path, tmp_path: Path) -> None:
    own = yaml.safe_load((config.parent / "run" / "config.yaml").read_text())
    own["run_dir"] = str(tmp_path / "run")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(own))
    run_command("fit", "--config", tmp_path / "config.yaml")
    first, second = (pd.read_parquet(folder / "run" / "predictions.parquet") for folder in (config.parent, tmp_path))
    pd.testing.assert_frame_equal(first, second)


def test_a_finished_run_started_again_is_reported_and_left_as_it_is(config: Path, command: Forking) -> None:
    run = config.parent / "run"
    recipe = {"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"}, "budget": 2}
    recipe["search"] = {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 2}}
    (config.parent / "added.yaml").write_text(yaml.safe_dump(recipe))
    attack(["--run", str(run), "--attack", str(config.parent / "added.yaml")])
    before = {
        path: path.read_bytes()
        for path in sorted(run.rglob("*"))
        # W&B's process may still be writing its files.
        if path.is_file() and not {"report", "wandb"} & set(path.relative_to(run).parts)
    }
    assert command.fit("--config", config) == 0, command.stderr
    assert "had finished before: nothing was trained or tested" in command.stdout
    assert f"--run_dir NEW --test_checkpoint {run / 'checkpoints' / 'last.ckpt'}" in command.stdout
    assert "added" in command.stdout and "transfer gap" in command.stdout
    assert {path: path.read_bytes() for path in before} == before
    assert set(json.loads((run / "results.json").read_text(encoding="utf8"))["attacks"]) == {"typo", "added"}
    again = config.parent / "again"
    checkpoint = run / "checkpoints" / "last.ckpt"
    assert command.fit("--config", config, "--run_dir", again, "--test_checkpoint", checkpoint) == 0, command.stderr
    clean, tested = (pd.read_parquet(folder / "predictions.parquet").query("attack.isna()") for folder in (run, again))
    assert list(clean["prediction"]) == list(tested["prediction"])
    assert Path(json.loads((again / "results.json").read_text(encoding="utf8"))["checkpoint"]["path"]) == checkpoint
    own = json.loads((run / "results.json").read_text(encoding="utf8"))["checkpoint"]["path"]
    assert own == "checkpoints/last.ckpt"


def test_one_training_is_tested_with_each_of_its_weights(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, command: Forking
) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, max_epochs=3, logger=False)
    run = tmp_path / "run"
    options = ["--averaging.last", 2]  # a mean that is taken is tested
    assert command.fit("--config", config, *options) == 0, command.stderr
    results = json.loads((run / "results.json").read_text(encoding="utf8"))["checkpoint"]
    assert results["path"] == "checkpoints/averaged.ckpt" and results["weights"] == "averaged"
    assert results["averaging"] == {"every": None, "steps": [14, 21]} and results["chosen_by"] is None
    assert RunFolder(run).checkpoint == RunFolder(run).averaged
    found = {"averaged": pd.read_parquet(run / "predictions.parquet")}
    for name in ("best", "last"):
        own = ["--run_dir", tmp_path / name, "--test_checkpoint", run / "checkpoints" / f"{name}.ckpt"]
        assert command.fit("--config", run / "config.yaml", *own) == 0, command.stderr
        folder = RunFolder(tmp_path / name)
        assert folder.finished["checkpoint"]["weights"] == name and folder.finished["checkpoint"]["averaging"] is None
        assert folder.checkpoint == run / "checkpoints" / f"{name}.ckpt"
        found[name] = pd.read_parquet(folder.predictions)
    assert not found["last"]["prediction"].equals(found["averaged"]["prediction"])
    # As training and testing at once have it.
    assert command.fit("--config", config, "--run_dir", tmp_path / "again", "--test_weights", "last") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "again" / "predictions.parquet"), found["last"])


_CONSTRAINTS = "[{class_path: SemanticSimilarity, init_args: {encoder: /nowhere}}]"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data.init_args.languages", "[german]"], "'german'"),
        (["--data.init_args.languages", "[de,xx]"], "/xx/test.tsv"),
        (["--data.init_args.data_dir", "/nowhere"], "/nowhere/en/train.tsv"),
        (["--data.init_args.labels", "[blue,red]"], "unknown label 'green'"),
        (["--model.nonsense", 1], "nonsense"),
        (["--trainer.callbacks", "SentenceAlignment"], "Alignment needs sentence pairs"),
        (["--adversarial.attacks.typo.constraints", _CONSTRAINTS], "/nowhere"),
        (["--test_weights", "averaged"], "no weights are averaged"),
        (["--averaging.last", 2, "--averaging.decay", 0.9], "only one of the arguments `last` and `decay`"),
        (["--trainer.max_steps", 2], "no epoch would be validated"),
        (["--trainer.limit_val_batches", 0], "no epoch would be validated"),
        (["--trainer.check_val_every_n_epoch", 3, "--trainer.max_steps", 9], "the first validation is after step 21"),
    ],
)
def test_a_start_that_fails_leaves_nothing(
    config: Path, tmp_path: Path, command: Forking, options: list[str], words: str
) -> None:
    run = ["--config", config, "--run_dir", tmp_path / "run", "--trainer.logger", "true"]
    assert command.fit(*run, *options) == 2, command.stderr
    assert words in command.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_label_that_the_training_file_lacks_is_told_before_training(
    tiny_encoder: Path, tmp_path: Path, command: Forking
) -> None:
    data = write_tiny_task(tmp_path / "data")
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, data, max_epochs=1)
    test_file = data / "zh" / "test.tsv"
    sound = test_file.read_text(encoding="utf8")
    test_file.write_text(sound + "x\tred\tcrimson\n", encoding="utf8")
    assert command.fit("--config", config) == 2
    assert "zh/test.tsv:27: unknown label 'crimson'" in command.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()
    test_file.write_text(sound, encoding="utf8")
    assert command.fit("--config", config) == 0, command.stderr
    assert (tmp_path / "run" / "results.json").exists()


def test_any_argument_can_be_given_on_the_command_line(config: Path) -> None:
    done = run_command("fit", "--config", config, "--data.init_args.max_length", 32, "--print_config")
    printed = yaml.safe_load(done.stdout)
    assert printed["data"]["init_args"]["max_length"] == 32
    assert printed["model"]["pooling"] == "mean" and printed["adversarial"]["attacks"]["typo"]
    named = run_command("fit", "--config", config, "--adversarial.attacks", "typo_random,case", "--print_config")
    assert {"typo_random", "case"} <= yaml.safe_load(named.stdout)["adversarial"]["attacks"].keys()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model.encoder_lrate", "1"], ["encoder_lrate", "did you mean --model.encoder_lr?"]),
        (["--max_epochs", "1"], ["did you mean --trainer.max_epochs?"]),
        (["--adversarial.attacks", "typo_gredy"], ["'typo_gredy' is neither a file nor one of bidi, case, "]),
        (["--model.pooling", "max"], ["pooling"]),
        (["--data.init_args.data_dir", "/nowhere"], ["/nowhere/en/train.tsv", "no such file"]),
        (["--data.init_args.languages", "[de,xx]"], ["/xx/test.tsv", "no such file"]),
        (["--data.init_args.batch_size", "0"], ["batch_size", "at least 1", "0"]),
        (["--model.encoder", "/nowhere"], ["/nowhere"]),
    ],
)
def test_bad_input_gets_one_clear_line(config: Path, tmp_path: Path, options: list[str], words: list[str]) -> None:
    done = run_command("fit", "--config", config, "--run_dir", tmp_path / "run", *options, check=False)
    assert done.returncode not in (0, -9)
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in done.stderr, last
    assert not (tmp_path / "run" / "results.json").exists()


def test_a_trial_run_leaves_no_results_in_the_way(config: Path, tmp_path: Path) -> None:
    options = ["--run_dir", tmp_path / "run", "--trainer.max_epochs", 1]
    run_command("fit", "--config", config, *options, "--trainer.fast_dev_run", "true")
    assert not (tmp_path / "run" / "results.json").exists() and not (tmp_path / "run" / "config.yaml").exists()
    run_command("fit", "--config", config, *options)
    assert (tmp_path / "run" / "results.json").exists()


def test_without_a_checkpoint_nothing_is_tested(config: Path, tmp_path: Path, command: Forking) -> None:
    assert command.fit("--config", config, "--run_dir", tmp_path / "run", "--test_checkpoint", "/nowhere.ckpt") == 2
    assert "/nowhere.ckpt: no such checkpoint" in command.stderr and "Traceback" not in command.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_that_turns_nan_stops_and_keeps_its_checkpoint(tiny_encoder: Path, tmp_path: Path) -> None:
    data = write_tiny_task(tmp_path / "data")
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, data, max_epochs=4)
    # The rates rise over all steps: the first epoch is sound, a later one is not.
    options = ["--model.encoder_lr", "1e9", "--model.head_lr", "1e9", "--model.warmup", "1.0"]
    done = run_command("fit", "--config", config, *options, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert "loss became" in line or "answers NaN" in line
    assert not (tmp_path / "run" / "results.json").exists()
