"""Two attacks on one folder at the same time: what either adds is there in the end, and the record is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from test_attack_classifier import NAMES, save_classifier, write_recipe

from conftest import WORDS
from xltrobust.attack import main as attack
from xltrobust.evaluation import attacking, opening


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("model") / "colours", NAMES)


@pytest.fixture
def run(model: Path, tmp_path: Path) -> Callable[..., None]:
    lines = ["id\tlang\ttext\tlabel"]
    for language, (colours, others) in WORDS.items():
        lines += [
            f"{at}\t{language}\t{others[at % 7]} {colours[at % 3]} {others[-1]}\t{NAMES[at % 3]}" for at in range(12)
        ]
    (tmp_path / "a.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")

    def run(name: str, *more: object) -> None:
        recipe = write_recipe(tmp_path / f"{name}.yaml")
        options = ["--model", model, "--data", tmp_path / "a.tsv", "--language", "lang", "--id", "id"]
        options += ["--output", tmp_path / "out", "--attack", recipe, "--accelerator", "cpu", *more]
        attack([str(word) for word in options])

    return run


def interrupted(monkeypatch: pytest.MonkeyPatch, module: object, between: Callable[[], None]) -> None:
    """The first time that a module asks the victim, something else happens before."""
    share, asked = module.attack_share, []  # type: ignore[attr-defined]

    def attack_share(*args: object, **options: object) -> object:
        asked.append(None)
        if len(asked) == 1:
            between()
        return share(*args, **options)

    monkeypatch.setattr(module, "attack_share", attack_share)


def read(folder: Path) -> tuple[pd.DataFrame, dict]:
    results = json.loads((folder / "results.json").read_text(encoding="utf8"))
    return pd.read_parquet(folder / "predictions.parquet"), results


def test_one_tests_while_the_other_attacks(run: Callable, tmp_path: Path, monkeypatch) -> None:
    interrupted(monkeypatch, opening, lambda: run("bee", "--max_examples", 3))
    run("aye", "--max_examples", 3)
    rows, results = read(tmp_path / "out")
    assert list(results["attacks"]) == ["bee", "aye"]
    assert rows["attack"].fillna("clean").value_counts().to_dict() == {"clean": 36, "bee": 9, "aye": 9}
    assert {"test/adv_acc/bee/de", "test/adv_acc/aye/de", "test/adv_acc/worst/de"} <= set(results["figures"])


def test_one_adds_a_language_while_the_other_attacks(run: Callable, tmp_path: Path, monkeypatch) -> None:
    run("first", "--max_examples", 3, "--languages", "de")
    interrupted(monkeypatch, attacking, lambda: run("bee", "--max_examples", 3, "--languages", "en"))
    run("aye", "--max_examples", 3, "--languages", "de")
    rows, results = read(tmp_path / "out")
    assert list(results["attacks"]) == ["first", "bee", "aye"] and set(results["languages"]) == {"en", "de"}
    assert rows[rows["attack"].isna()]["language"].value_counts().to_dict() == {"de": 12, "en": 12}
    assert {"test/acc/en", "test/acc/de", "test/adv_acc/bee/en", "test/adv_acc/aye/de"} <= set(results["figures"])


def test_one_widens_the_attack_that_the_other_runs(run: Callable, tmp_path: Path, monkeypatch) -> None:
    run("first", "--max_examples", 1)
    interrupted(monkeypatch, attacking, lambda: run("typo", "--max_examples", 2))
    run("typo", "--max_examples", 9, "--languages", "de")
    rows, results = read(tmp_path / "out")
    record = results["attacks"]["typo"]
    assert (record["languages"], record["max_examples"], record["examples"]) == (None, 9, 27)
    assert rows[rows["attack"] == "typo"]["language"].value_counts().to_dict() == {"en": 9, "de": 9, "zh": 9}


def test_a_caveat_is_of_all_languages_that_an_attack_covers(run: Callable, tmp_path: Path) -> None:
    run("typo", "--max_examples", 2, "--languages", "de")
    assert "caveat" not in read(tmp_path / "out")[1]["attacks"]["typo"]
    run("typo", "--max_examples", 2)
    assert "no keyboard layout for zh" in read(tmp_path / "out")[1]["attacks"]["typo"]["caveat"]
