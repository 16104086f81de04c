"""Attacks by name: of a run, of a file, of the shelf, and of another run's results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from xltrobust.errors import UserError
from xltrobust.evaluation.attack_recipes import SHELVES, build_recipe, read_recipe, read_replay
from xltrobust.evaluation.attacked import AdversarialEvaluation
from xltrobust.evaluation.predictions import attack_record, prediction_row, write_predictions
from xltrobust.example import EvaluationSet, Example
from xltrobust.perturb import BeamSearch, GreedySearch, RandomSearch, Replay, TypoPerturbation
from xltrobust.perturb.base import AttackResult
from xltrobust.runs.folder import RunFolder


def options(search: str = "RandomSearch", budget: object = None, **arguments: object) -> dict:
    parts = {"search": {"class_path": f"xltrobust.perturb.{search}", "init_args": arguments}, "budget": budget}
    return parts | {"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"}}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run with one attack, among two files and a shelf of one."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "run")
    for path, own in {
        folder.config: {"adversarial": {"attacks": {"typo": options(draws=3, budget=7)}}},
        tmp_path / "typo.yaml": options("BeamSearch", width=2),
        tmp_path / "typo": options("BeamSearch", width=3),
        tmp_path / SHELVES[0] / "greedy.yaml": options("GreedySearch"),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(own), encoding="utf8")
    return folder


def test_the_runs_own_attacks_come_first_then_files_then_the_shelf(run: RunFolder, tmp_path: Path) -> None:
    name, own = read_recipe("typo", run)
    assert (name, own.search.draws, own.budget, own.constraints) == ("typo", 3, 7, [])
    assert isinstance(own.search, RandomSearch) and isinstance(own.perturbation, TypoPerturbation)
    for spec, expected, width in (
        ("typo.yaml", "typo", 2), (str(tmp_path / "typo.yaml"), "typo", 2), ("new=typo.yaml", "new", 2),
        ("typo=typo.yaml", "typo", 2), ("a=b=typo", "a=b", 3),
    ):  # fmt: skip
        name, own = read_recipe(spec, run)
        assert (name, own.search.width, own.budget) == (expected, width, None)
        assert isinstance(own.search, BeamSearch)
    for spec, expected in (("greedy", "greedy"), ("slow=greedy", "slow")):
        name, own = read_recipe(spec, run)
        assert name == expected and isinstance(own.search, GreedySearch)


@pytest.mark.parametrize("config", [None, "data: {}", "adversarial:", "adversarial: {attacks: }"])
def test_runs_need_no_attacks_of_their_own(run: RunFolder, config: str | None) -> None:
    run.config.unlink() if config is None else run.config.write_text(config)
    assert read_recipe("greedy", run)[0] == "greedy"
    with pytest.raises(UserError, match=r"^--attack other: neither a file nor one of .*\bgreedy\b"):
        read_recipe("other", run)
    (SHELVES[0] / "greedy.yaml").unlink()
    with pytest.raises(UserError, match=r"^--attack greedy: neither a file nor one of bidi, case, "):
        read_recipe("greedy", run)


def test_attacks_that_come_with_the_package_are_found_from_anywhere(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, attack = read_recipe("typo_greedy", RunFolder(tmp_path / "none"))
    assert name == "typo_greedy" and isinstance(attack.search, GreedySearch)


@pytest.mark.parametrize("spec", ["type", "typo.yml", "new=typos.yaml", "", "experiments", "typo="])
def test_unknown_names_get_those_that_are_known(run: RunFolder, spec: str) -> None:
    with pytest.raises(UserError, match="^--attack .*: neither a file nor one of .*greedy, .*typo, .*$") as refused:
        read_recipe(spec, run)
    assert f"--attack {spec}:" in str(refused.value)


@pytest.mark.parametrize("spec", ["worst=typo.yaml", "clean=typo.yaml", "a/b=typo.yaml"])
def test_names_that_results_use_otherwise_are_refused(run: RunFolder, spec: str) -> None:
    with pytest.raises(UserError, match=f"--attack {spec}: an attack cannot be named .* Use --attack NEW_NAME=NAME"):
        read_recipe(spec, run)


@pytest.mark.parametrize("spec", ["a/b", "x/y=typo"])
def test_names_are_refused_wherever_they_come_from(run: RunFolder, spec: str) -> None:
    own = options(draws=3)
    run.config.write_text(yaml.safe_dump({"adversarial": {"attacks": {"a/b": own, "typo": own}}}))
    with pytest.raises(UserError, match=f"--attack {spec}: an attack cannot be named"):
        read_recipe(spec, run)
    with pytest.raises(ValueError, match="an attack cannot be named 'a/b'"):
        AdversarialEvaluation(attacks={"a/b": build_recipe(own, "here")})


def test_an_attack_of_the_run_can_be_given_another_name(run: RunFolder) -> None:
    Path("typo").unlink()
    name, own = read_recipe("new=typo", run)
    assert (name, own.search.draws, own.budget) == ("new", 3, 7)


WRONG = {
    "an unknown option": (yaml.safe_dump(options(colour=1)), "colour"),
    "an unknown class": (yaml.safe_dump(options("Search for nothing")), "Search for nothing"),
    "a value that the class refuses": (yaml.safe_dump(options(draws=0)), "Expected argument `draws`"),
    "a value of another type": (yaml.safe_dump(options(budget="much")), "much"),
    "a budget for nothing": (yaml.safe_dump(options(budget=0)), "Expected argument `budget`"),
    "another section": (yaml.safe_dump({"attack": options()}), "attack"),
    "no search": ("perturbation: {class_path: xltrobust.perturb.TypoPerturbation}", "search"),
    "nothing": ("", "expected options by name, but got nothing"),
    "no mapping": ("[1, 2]", "expected options by name, but got a list"),
    "no YAML": ("a: [", "not valid YAML"),
}


@pytest.mark.parametrize("text, words", WRONG.values(), ids=WRONG)
def test_wrong_files_are_named_in_one_line_with_what_is_wrong(run: RunFolder, text: str, words: str) -> None:
    Path("wrong.yaml").write_text(text, encoding="utf8")
    with pytest.raises(UserError) as refused:
        read_recipe("wrong.yaml", run)
    assert str(refused.value).startswith("wrong.yaml:") and words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_no_text_are_named(run: RunFolder) -> None:
    Path("wrong.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="^wrong.yaml:1: not UTF-8"):
        read_recipe("wrong.yaml", run)


def test_wrong_options_of_a_run_are_named_by_its_configuration() -> None:
    with pytest.raises(UserError, match="^run/config.yaml: adversarial.attacks.typo.*colour"):
        build_recipe(options(colour=1), "run/config.yaml: adversarial.attacks.typo")


SETS = [
    EvaluationSet("dev", "en", [Example("0", "en", "a dev text", 0)]),
    EvaluationSet("test", "en", [Example("0", "en", "good day", 0), Example("1", "en", "good night", 1)]),
    EvaluationSet("test", ("en", "de"), [Example("0", ("en", "de"), "good day", 0, "guten Tag")]),
]


def leave_results(folder: RunFolder, sets: list[EvaluationSet]) -> RunFolder:
    """Results of an attack that changed the first text of each test set, and one that changed none."""
    rows = []
    for own in sets:
        for at, example in enumerate(own.examples):
            changed = (
                Example(example.id, example.language, "bad", example.label, example.text_pair) if at == 0 else None
            )
            rows.append(prediction_row(own, at, 0))
            rows.append(prediction_row(own, at, 1, "typo", AttackResult(example, changed, 1, 2, broken=True)))
            rows.append(prediction_row(own, at, 1, "idle", AttackResult(example, None, 1, 2, broken=True)))
    write_predictions(rows, folder.predictions)
    return folder


def test_another_runs_texts_are_replayed_on_the_same_test_examples(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    longer = [*SETS, EvaluationSet("test", "fr", [Example("0", "fr", "bonjour", 0)])]
    other = leave_results(RunFolder(tmp_path / "other"), longer)
    name, recipe = read_replay("typo", other, SETS)
    assert name == "typo@other" and isinstance(recipe.search, Replay) and recipe.search is recipe.perturbation
    assert recipe.search._texts == {("en", "0"): ("bad", None), (("en", "de"), "0"): ("bad", "guten Tag")}
    assert read_replay("typo", other, SETS[::-1])[1].search._texts == recipe.search._texts
    (tmp_path / "here").mkdir()
    assert read_replay("typo", RunFolder(tmp_path / "here" / ".." / "other"), SETS)[0] == "typo@other"


def test_other_data_and_unknown_attacks_are_refused(tmp_path: Path) -> None:
    other = leave_results(RunFolder(tmp_path), SETS)
    with pytest.raises(UserError, match="--attack beam: .* has no such attack to replay, but typo, idle"):
        read_replay("beam", other, SETS)
    changed = [EvaluationSet("test", "en", [Example("0", "en", "Good day", 0)]), SETS[2]]
    with pytest.raises(UserError, match=r"predictions.parquet: en/0 is another text than here: not the same data\."):
        read_replay("typo", other, changed)
    pair = EvaluationSet("test", ("en", "de"), [Example("0", ("en", "de"), "good day", 0, "Guten Tag")])
    with pytest.raises(UserError, match="en>de/0 is another text than here"):
        read_replay("typo", other, [SETS[1], pair])
    for attack, sets in (("typo", [EvaluationSet("test", "en", [Example("9", "en", "x", 0)])]), ("idle", SETS)):
        with pytest.raises(UserError, match="none of the examples attacked there are among these test sets"):
            read_replay(attack, other, sets)


def test_replays_of_runs_of_one_name_collide_neither_in_name_nor_in_record(tmp_path: Path) -> None:
    there: dict = {}
    for above in "abc":
        (tmp_path / above / "seed-0").mkdir(parents=True)
        other = leave_results(RunFolder(tmp_path / above / "seed-0"), SETS)
        name, recipe = read_replay("typo", other, SETS, there)
        there[name] = json.loads(json.dumps(attack_record(recipe, [], 0.0)))
        assert read_replay("typo", other, SETS, there)[0] == name  # found again
    assert list(there) == ["typo@seed-0", "typo@b:seed-0", "typo@c:seed-0"]
    told = [own["recipe"]["search"] for own in there.values()]
    assert [own["run"] for own in told] == [str((tmp_path / above / "seed-0").resolve()) for above in "abc"]
    assert {own["attack"] for own in told} == {"typo"} and len(json.dumps(told)) < 2000
    there["typo@seed-0"]["recipe"]["search"] = there["typo@seed-0"]["recipe"]["perturbation"] = {"class": "Replay"}
    first = RunFolder(tmp_path / "a" / "seed-0")
    assert read_replay("typo", first, SETS, there)[0] == "typo@a:seed-0"  # an older version did not tell whose it was
    assert read_replay("own=typo", first, SETS, there)[0] == "own"
