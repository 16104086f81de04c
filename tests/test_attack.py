"""The attack command, as users type it."""

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
import yaml

from conftest import run_command, write_tiny_config

TESTS = Path(__file__).parent
RECIPE = {
    "perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
    "search": {"class_path": "xltrobust.perturb.GreedySearch", "init_args": {"candidates_per_word": 3}},
    "constraints": [{"class_path": "xltrobust.perturb.MaxWordsChanged", "init_args": {"share": 0.5}}],
    "budget": 20,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Path:
    folder = tmp_path_factory.mktemp("attack")
    run_command("fit", "--config", write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task, max_epochs=6))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return shutil.copytree(trained / "run", tmp_path / "run")


def recipe(path: Path, **changed: object) -> Path:
    path.write_text(yaml.safe_dump(RECIPE | changed), encoding="utf8")
    return path


def read(run: Path) -> tuple[pd.DataFrame, dict]:
    return pd.read_parquet(run / "predictions.parquet"), json.loads((run / "results.json").read_text(encoding="utf8"))


def test_an_attack_is_added_once_and_refused_under_the_name_of_another(run: Path, tmp_path: Path) -> None:
    before, results = read(run)
    greedy = recipe(tmp_path / "greedy.yaml")
    same = recipe(tmp_path / "same.yaml", search={"class_path": "xltrobust.perturb.RandomSearch",
                  "init_args": {"draws": 3}}, constraints=[], budget=None)  # fmt: skip
    run_command("attack", "--run", run, "--attack", greedy, "--attack", f"again={same}")
    rows, found = read(run)
    old = rows[rows["attack"].isna() | (rows["attack"] == "typo")].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, before, check_dtype=False)
    assert {name: found["figures"][name] for name in results["figures"]} == results["figures"]
    for language in ("en", "de", "zh"):
        own = rows[(rows["attack"] == "greedy") & (rows["language"] == language)]
        right = own["label"] == own["prediction"]
        assert len(own) == 25 and found["figures"][f"test/adv_acc/greedy/{language}"] == pytest.approx(right.mean())
        attacked = rows[rows["attack"].notna() & (rows["language"] == language)]
        worst = (attacked["label"] == attacked["prediction"]).groupby(attacked["id"]).all().mean()
        assert found["figures"][f"test/adv_acc/worst/{language}"] == pytest.approx(worst)
        assert ((own["queries"] <= 20) & (own["broken_at"].isna() | (own["broken_at"] <= own["queries"]))).all()
        assert (own["adversarial_text"].isna() == own["changed"].isna()).all()
    # The same recipe asks the same and finds the same, from here as in the run itself.
    first, second = (rows[rows["attack"] == name].drop(columns="attack") for name in ("typo", "again"))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))
    assert found["attacks"]["greedy"]["recipe"]["search"]["candidates_per_word"] == 3
    assert set(found["attacks"]["greedy"]["refused"]) == {"MaxWordsChanged"} and not (run / "answers").exists()
    assert (run / "report" / "budget.png").exists()

    kept = (run / "predictions.parquet").read_bytes()
    assert "holds greedy already" in run_command("attack", "--run", run, "--attack", greedy).stdout
    recipe(greedy, budget=10)
    done = run_command("attack", "--run", run, "--attack", greedy, check=False)
    assert done.returncode == 2 and "holds another attack named greedy" in done.stderr
    assert done.stderr.strip().count("\n") == 0 and (run / "predictions.parquet").read_bytes() == kept


def killed(arguments: list[object], calls: int) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "xltrobust.attack", *map(str, arguments)]
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS), "KILL_AFTER": str(calls)}
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | own, timeout=300)


def test_a_killed_attack_goes_on_without_asking_twice(run: Path, tmp_path: Path) -> None:
    file = recipe(tmp_path / "greedy.yaml", search={"class_path": "killing_search.KillingSearch"})
    whole = shutil.copytree(run, tmp_path / "whole")
    command = ["--attack", file, "--max_examples", 10, "--run"]
    done = killed([*command, run], 15)
    assert done.returncode == -9, done.stderr[-2000:]
    answers = sum(path.stat().st_size for path in (run / "answers").rglob("*.answers"))
    assert answers > 0 and not (read(run)[0]["attack"] == "greedy").any()
    second, alone = killed([*command, run], 0), killed([*command, whole], 0)
    assert second.returncode == alone.returncode == 0, second.stderr[-2000:]
    pd.testing.assert_frame_equal(read(run)[0], read(whole)[0])
    assert read(run)[1]["figures"] == read(whole)[1]["figures"]
    record = 16 + 4 + 8 * 3  # bytes of an answer in the journal
    asked = [int(re.findall(r"([\d,]+) queries", done.stderr)[-1].replace(",", "")) for done in (second, alone)]
    assert asked[0] == asked[1] - answers // record and not (run / "answers").exists()


def test_two_processes_attack_as_one(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    own = recipe(tmp_path / "own.yaml", search={"class_path": "xltrobust.perturb.GradientSearch"}, constraints=[
        {"class_path": "xltrobust.perturb.SemanticSimilarity", "init_args": {"minimum": 0.9, "prefix": "",
         "encoder": yaml.safe_load((run / "config.yaml").read_text())["model"]["encoder"]}}])  # fmt: skip
    run_command("attack", "--run", run, "--attack", own, "--accelerator", "cpu")
    run_command("attack", "--run", other, "--attack", own, "--accelerator", "cpu", "--devices", 2)
    (rows, results), (others, found) = read(run), read(other)
    pd.testing.assert_frame_equal(rows, others)
    assert results["figures"] == found["figures"]
    assert results["attacks"]["own"]["refused"] == found["attacks"]["own"]["refused"]
    assert rows.loc[rows["attack"] == "own", "backwards"].max() == 1


def test_texts_are_replayed_against_another_run(run: Path, trained: Path) -> None:
    encoder = yaml.safe_load((run / "config.yaml").read_text())["model"]["encoder"]
    run_command("attack", "--run", run, "--attack", "typo", "--replay", trained / "run", "--languages", "de",
                "--similarity", encoder)  # fmt: skip
    rows, results = read(run)
    theirs = rows[(rows["attack"] == "typo") & (rows["language"] == "de")].set_index("id")
    replayed = rows[rows["attack"] == "typo@run"].set_index("id")
    tried = replayed[replayed["adversarial_text"].notna()]
    assert len(replayed) == 25 and (tried["queries"] == 2).all()
    assert (tried["adversarial_text"] == theirs.loc[tried.index, "adversarial_text"]).all()
    assert (replayed["prediction"] == theirs.loc[replayed.index, "prediction"]).all()  # the same model
    assert tried["similarity"].between(-1, 1).all() and "test/adv_acc/typo@run/en" not in results["figures"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attack", "nothing"], "--attack nothing: neither a file nor one of"),
        (["--attack", "typo", "--languages", "xx"], "--languages: xx is not among the test sets (de, en, zh)"),
        (["--attack", "FILE"], "FILE"),
        (["--attack", "typo", "--replay", "missing"], "missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("perturbation: {class_path: xltrobust.perturb.Typos}\n")
    arguments = [str(file) if argument == "FILE" else argument for argument in arguments]
    done = run_command("attack", "--run", run, *arguments, check=False)
    assert done.returncode == 2 and message.replace("FILE", str(file)) in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
