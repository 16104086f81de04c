"""The attack as part of a run: a curve while it trains, a checkpoint chosen by it, and answers that outlive a kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from conftest import run_command, write_tiny_config
from xltrobust.errors import UserError
from xltrobust.evaluation.attacked import AdversarialEvaluation
from xltrobust.evaluation.predictions import attack_record
from xltrobust.evaluation.shares import changeable, chosen_share
from xltrobust.example import EvaluationSet, Example
from xltrobust.perturb import Attack, AttackResult, RandomSearch, SynonymSubstitution, TypoPerturbation, WordDropping
from xltrobust.perturb.suite import load_suite

TESTS = Path(__file__).parents[1]
CURVE = {"every_n_epochs": 2, "dev_examples": 12, "dev_budget": 3}


def write_config(folder: Path, encoder: Path, data: Path, adversarial: dict, **options: object) -> Path:
    folder.mkdir()
    path = write_tiny_config(folder / "config.yaml", encoder, data, max_epochs=6)
    config = yaml.safe_load(path.read_text()) | options
    config["adversarial"] |= adversarial
    path.write_text(yaml.safe_dump(config))
    return path


def results(config: Path) -> dict:
    return json.loads((config.parent / "run" / "results.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> tuple[Path, Path]:
    """A run without attacks on dev sets, and the same with them, whose checkpoint they choose."""
    folder = tmp_path_factory.mktemp("curve")
    plain = write_config(folder / "plain", tiny_encoder, tiny_task, {"suite": "standard-1@3", "max_examples": 3})
    chosen = {"best_checkpoint": {"attack": "typo"}}
    cheap = {"suite": "standard-1@3", "suite_mode": "robust", "max_examples": 3}
    curve = write_config(folder / "curve", tiny_encoder, tiny_task, CURVE | cheap, **chosen)
    for config in (plain, curve):
        run_command("fit", "--config", config)
    return plain, curve


def test_adversarial_accuracy_is_a_curve_over_epochs(runs: tuple[Path, Path]) -> None:
    logged = pd.read_csv(next((runs[1].parent / "run").rglob("metrics.csv")))
    for language in ("en", "de", "zh"):
        values = logged.set_index("epoch")[f"val/adv_acc/typo/{language}"].dropna()
        assert list(values.index) == [1, 3, 5] and values.between(0, 1).all()
        assert (values * 12).map(lambda right: right == pytest.approx(round(right))).all()  # of twelve examples
        before = logged.set_index("epoch")[f"val/acc_attacked/typo/{language}"].dropna()
        assert (before >= values).all() and (before * 12).map(lambda n: n == pytest.approx(round(n))).all()
    assert logged["val/adv_acc/typo/avg"].count() == 3


def test_the_epoch_is_chosen_by_the_attacked_source_dev_set(runs: tuple[Path, Path]) -> None:
    found = results(runs[1])
    assert found["checkpoint"]["chosen_by"] == "val/source_adv_acc/typo"
    attacked = {own["epoch"]: own.get("source_adv_acc/typo") for own in found["checkpoint"]["validation"]}
    assert [epoch for epoch, value in attacked.items() if value is not None] == [1, 3, 5]
    best = max((1.0, 3.0, 5.0), key=lambda epoch: attacked[epoch])
    weights = torch.load(runs[1].parent / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    assert weights["epoch"] == best == found["oracle"]["chosen_epoch"]


def test_a_suite_is_run_beside_the_attacks(runs: tuple[Path, Path]) -> None:
    found = results(runs[0])
    suite = load_suite("standard-1@3")
    assert list(found["attacks"]) == ["typo", *suite.all] and found["suites"]["standard-1@3"]["hash"] == suite.hash
    assert found["suites"]["standard-1@3"]["not_applicable"]["standard-1@3:case"] == ["zh"]
    names = {name.split("/")[2] for name in found["figures"] if name.startswith("test/adv_acc/")}
    assert names == {"typo", *suite.all, "robust@3", "worst"}
    # In Chinese, too, though not all attacks apply to it; so there is an average, which `worst` lacks.
    assert {"test/adv_acc/robust@3/zh", "test/adv_acc/robust@3/avg"} <= set(found["figures"])
    assert not {"test/adv_acc/worst/zh", "test/adv_acc/worst/avg"} & set(found["figures"])


def test_a_suite_is_run_until_an_attack_breaks_the_example(runs: tuple[Path, Path]) -> None:
    found, suite = results(runs[1]), load_suite("standard-1@3")
    own = found["suites"]["standard-1@3"]
    assert list(found["attacks"]) == ["typo"] and (own["mode"], own["hash"]) == ("robust", suite.hash)
    assert own["together"]["examples"] == 9 <= own["together"]["queries"] and own["together"]["seed"] == 7
    names = {name.split("/")[2] for name in found["figures"] if name.startswith("test/adv_acc/")}
    assert names == {"typo", "robust@3", "worst"}
    logged = pd.read_csv(next((runs[1].parent / "run").rglob("metrics.csv")))
    assert not [name for name in logged if name.startswith("val/adv_acc/") and "typo/" not in name]
    rows = pd.read_parquet(runs[1].parent / "run" / "predictions.parquet")
    broken = rows[rows["attack"] == "robust@3"]["broken_by"].dropna()
    assert set(broken) <= set(suite.attacks)


def test_attacks_on_dev_sets_leave_training_as_it_is(runs: tuple[Path, Path]) -> None:
    plain, curve = (torch.load(own.parent / "run" / "checkpoints" / "last.ckpt", weights_only=True) for own in runs)
    for name, expected in plain["state_dict"].items():
        assert torch.equal(curve["state_dict"][name], expected), name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--best_checkpoint.attack", "typo"], "set adversarial.every_n_epochs"),
        (["--best_checkpoint.attack", "typos", "--adversarial.every_n_epochs", "1"], "'typos' is not run"),
        (["--adversarial.dev_budget", "0"], "`dev_budget`"),
        (["--adversarial.suite", "standart-1"], "did you mean standard-1?"),
        (
            [
                "--adversarial.suite_mode",
                "robust",
                "--best_checkpoint.attack",
                "standard-1@3:case",
                "--adversarial.every_n_epochs",
                "1",
            ],
            "is not run during training",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(runs, tmp_path: Path, options: list[str], words: str) -> None:
    done = run_command("fit", "--config", runs[0], "--run_dir", tmp_path / "run", *options, check=False)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_attack_added_to_a_configuration_is_another_run(runs: tuple[Path, Path], tmp_path: Path) -> None:
    config = yaml.safe_load(runs[0].read_text())
    config["adversarial"]["attacks"]["more"] = config["adversarial"]["attacks"]["typo"]
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(config))
    done = run_command("fit", "--config", tmp_path / "more.yaml", check=False)
    assert done.returncode == 2 and "adversarial.attacks" in done.stderr


def test_a_test_killed_in_its_attack_goes_on_with_the_answers_it_had(tmp_path: Path, tiny_encoder, tiny_task) -> None:
    slow = {"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
            "search": {"class_path": "killing_search.KillingSearch"}, "budget": 15}  # fmt: skip
    config = write_config(tmp_path / "run", tiny_encoder, tiny_task, {"attacks": {"slow": slow}, "max_examples": 8})
    config.write_text(config.read_text().replace("enable_progress_bar: false", "enable_progress_bar: true"))
    run = tmp_path / "run" / "run"

    def fit(kill_after: int, *options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "xltrobust.fit", "--config", str(config), *options]
        own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS), "KILL_AFTER": str(kill_after)}
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | own, timeout=300)

    assert fit(30).returncode == -9
    kept = sum(path.stat().st_size for path in (run / "answers").rglob("*.answers"))
    again = fit(0)
    assert kept and again.returncode == 0 and not (run / "answers").exists(), again.stderr[-2000:]
    predictions = pd.read_parquet(run / "predictions.parquet")
    # Tests once more, from nothing.
    whole = fit(0, "--run_dir", str(tmp_path / "whole"), "--test_checkpoint", str(run / "checkpoints" / "last.ckpt"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "whole" / "predictions.parquet"), predictions)
    asked = [int(re.findall(r"(\d+) queries", done.stderr)[-1]) for done in (again, whole)]
    assert asked[0] == asked[1] - kept // (16 + 4 + 8 * 3)  # bytes of an answer: key, length, logits


def evaluation_sets() -> list[EvaluationSet]:
    names = [("test", "en"), ("test", "zh-CN"), ("held_out", "de"), ("dev", "de"), ("test", ("en", "zh"))]
    return [EvaluationSet(split, own, [Example(str(n), own, "a b", 0) for n in range(5)]) for split, own in names]


def test_only_languages_that_an_attack_can_change_are_attacked(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    sets, search = evaluation_sets(), RandomSearch()
    typos, dropping = (Attack(perturbation=own, search=search) for own in (TypoPerturbation(), WordDropping()))
    assert changeable("typo", typos, sets) == [0, 1, 3, 4]
    assert changeable("dropping", dropping, sets) == [0, 3, 4]  # one text of the mixed pair is English
    assert changeable("dropping", dropping, sets, ["en"]) == [0]
    with pytest.raises((UserError, ValueError), match="WordDropping cannot change zh-CN"):
        changeable("dropping", dropping, sets, ["en", "zh-CN"])
    (tmp_path / "table.json").write_text('{"mot": ["parole"]}')
    french = SynonymSubstitution(tables={"fr": str(tmp_path / "table.json")})
    with pytest.raises((UserError, ValueError), match="SynonymSubstitution cannot change en"):
        changeable("synonyms", Attack(perturbation=french, search=search), sets)


def test_languages_that_are_attacked_otherwise_are_named_once_and_recorded(caplog: pytest.LogCaptureFixture) -> None:
    sets, typos = evaluation_sets(), Attack(perturbation=TypoPerturbation(), search=RandomSearch())
    with caplog.at_level("INFO"):
        changeable("typo", typos, sets)
        changeable("typo", typos, sets, quiet=True)
        changeable("typo", typos, sets, ["en"])
    (said,) = [record.message for record in caplog.records if "keyboard" in record.message]
    assert said.startswith("typo: no keyboard layout for zh-CN, zh:")
    results = [AttackResult(own.examples[0], None, 0, 1, broken=False) for own in sets]
    assert attack_record(typos, results, 0.0)["caveat"] == said.removeprefix("typo: ")
    assert "caveat" not in attack_record(typos, results[:1], 0.0)


def test_devices_share_the_chosen_examples() -> None:
    sets = evaluation_sets()
    whole = chosen_share(sets, [0, 4], 3)
    shares = [chosen_share(sets, [0, 4], 3, rank, 2) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == whole and len(whole) == 6 and {at for at, _ in whole} == {0, 4}


@pytest.mark.parametrize("argument", ["max_examples", "every_n_epochs", "dev_examples", "dev_budget"])
def test_wrong_numbers_are_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=f"Expected argument `{argument}` to be at least 1, but got 0"):
        AdversarialEvaluation(**{argument: 0})


def test_an_attack_that_cannot_change_the_source_gives_no_nan_and_chooses_no_checkpoint(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path
) -> None:
    (tmp_path / "table.json").write_text('{"das": ["dies"], "haus": ["gebäude"]}', encoding="utf8")
    german = {
        "perturbation": {
            "class_path": "xltrobust.perturb.SynonymSubstitution",
            "init_args": {"tables": {"de": str(tmp_path / "table.json")}},
        },
        "search": {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 2}},
    }
    adversarial = CURVE | {"attacks": {"german": german}, "max_examples": 3, "every_n_epochs": 1}
    config = write_config(tmp_path / "run", tiny_encoder, tiny_task, adversarial)
    done = run_command("fit", "--config", config, "--best_checkpoint.attack", "german", check=False)
    words = "best_checkpoint.attack: german cannot change the source language, en"
    assert done.returncode == 2 and words in done.stderr
    assert "Traceback" not in done.stderr and not list((tmp_path / "run").rglob("*.ckpt"))
    french = {**german["perturbation"], "init_args": {"tables": {"fr": str(tmp_path / "table.json")}}}
    wrong = write_config(
        tmp_path / "wrong", tiny_encoder, tiny_task, {"attacks": {"french": german | {"perturbation": french}}}
    )
    done = run_command("fit", "--config", wrong, check=False)
    assert done.returncode == 2 and "SynonymSubstitution cannot change en" in done.stderr
    assert not list((tmp_path / "wrong").rglob("*.ckpt"))  # before it has trained, not after
    shutil.rmtree(tmp_path / "run" / "run", ignore_errors=True)
    # After the first epoch only the source is validated: there is nothing to attack, and training goes on.
    run_command("fit", "--config", config, "--trainer.max_epochs", 2, "--data.init_args.validate_targets", 2)
    logged = pd.read_csv(next((tmp_path / "run" / "run").rglob("metrics.csv")))
    assert logged["val/adv_acc/german/de"].notna().any() and "val/source_adv_acc/german" not in logged
    assert "NaN" not in (tmp_path / "run" / "run" / "results.json").read_text(encoding="utf8")
