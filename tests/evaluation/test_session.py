"""What the attack command attacks: only what was tested, once, and beside what others add at the same time."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from conftest import run_command, write_tiny_config, write_tiny_task
from xltrobust.api import Results
from xltrobust.attack import main
from xltrobust.encoders import sentence_encoder as sentences
from xltrobust.errors import UserError
from xltrobust.perturb.suite import load_suite, suite_file
from xltrobust.report import build_report
from xltrobust.report.notes import summary_notes

TYPO = {
    "perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
    "search": {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 2}},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    folder = tmp_path_factory.mktemp("session")
    data = write_tiny_task(folder / "data")
    config = write_tiny_config(folder / "config.yaml", tiny_encoder, data, max_epochs=2)
    run_command("fit", "--config", config, "--adversarial.max_examples", 4)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, and of its data."""
    shutil.copytree(trained / "data", tmp_path / "data")
    copy = shutil.copytree(trained / "run", tmp_path / "run")
    config = (copy / "config.yaml").read_text(encoding="utf8")
    (copy / "config.yaml").write_text(config.replace(str(trained / "data"), str(tmp_path / "data")), encoding="utf8")
    return copy


def recipe(path: Path, **changed: object) -> Path:
    path.write_text(yaml.safe_dump(TYPO | changed), encoding="utf8")
    return path


def results(run: Path) -> dict:
    return json.loads((run / "results.json").read_text(encoding="utf8"))


def change(run: Path, edit: object) -> None:
    own = results(run)
    edit(own)  # type: ignore[operator]
    (run / "results.json").write_text(json.dumps(own), encoding="utf8")


def attack(run: Path, *arguments: object) -> None:
    main(["--run", str(run), "--accelerator", "cpu", *map(str, arguments)])


def refusal(run: Path, *arguments: object) -> str:
    """The one line with which a command is refused; nothing of the run is touched."""
    before = {path: path.read_bytes() for path in run.glob("*.*") if path.is_file()}
    with pytest.raises(UserError) as refused:
        attack(run, *arguments)
    line = str(refused.value)
    assert "\n" not in line
    assert {path: path.read_bytes() for path in before} == before
    return line


def test_robust_is_right_under_every_attack_of_a_suite(run: Path) -> None:
    attack(run, "--suite", "standard-1@4", "--max_examples", 3, "--languages", "en", "zh")
    found, rows = results(run), pd.read_parquet(run / "predictions.parquet")
    suite = found["suites"]["standard-1@4"]
    assert suite["hash"] == load_suite("standard-1@4").hash and suite["controls"] == ["standard-1@4:typos_random"]
    assert suite["not_applicable"]["standard-1@4:reordering"] == ["zh"]
    for language, attacks in {"en": 6, "zh": 3}.items():
        own = rows[rows["attack"].isin(suite["attacks"]) & (rows["language"] == language)]
        under = (own["prediction"] == own["label"]).groupby(own["id"]).agg(["size", "all"])
        assert (under["size"] == attacks).all() and len(under) == 3
        assert found["figures"][f"test/adv_acc/robust@4/{language}"] == pytest.approx(under["all"].mean())
        before = rows[rows["attack"].isna() & (rows["language"] == language) & rows["id"].isin(under.index)]
        clean = (before["prediction"] == before["label"]).mean()
        assert found["figures"][f"test/acc_attacked/robust@4/{language}"] == pytest.approx(clean)
    table = Results(run).summary()
    assert table.loc["zh", "robust@4"] == pytest.approx(100 * found["figures"]["test/adv_acc/robust@4/zh"])
    # Further examples and languages, and one attack of a suite by its name.
    attack(run, "--suite", "standard-1@4", "--max_examples", 4)
    found = results(run)
    assert "test/adv_acc/robust@4/de" in found["figures"] and len(found["suites"]) == 1
    attack(run, "--attack", "standard-1@2:case", "--max_examples", 2)
    assert results(run)["attacks"]["standard-1@2:case"]["recipe"]["budget"] == 2
    line = refusal(run, "--attack", "standard-1:cases")
    assert "not one of standard-1:typos, standard-1:lookalikes" in line
    assert "did you mean standard-1?" in refusal(run, "--suite", "standard1")


def test_robust_is_the_same_if_broken_examples_are_attacked_no_further(run: Path, tmp_path: Path) -> None:
    cheap = tmp_path / "cheap"
    shutil.copytree(run, cheap)
    attack(run, "--suite", "standard-1@6", "--max_examples", 4)
    attack(cheap, "--suite", "standard-1@6", "--suite_mode", "robust", "--max_examples", 3)
    attack(cheap, "--suite", "standard-1@6", "--suite_mode", "robust", "--max_examples", 4)
    full, found = results(run), results(cheap)
    names = [name for name in full["figures"] if "/robust@6/" in name]
    assert len(names) == 10 and {name: found["figures"][name] for name in names} == {
        name: full["figures"][name] for name in names
    }
    assert not any("standard-1@6:" in name for name in [*found["figures"], *found["attacks"]])
    suite, before = found["suites"]["standard-1@6"], full["suites"]["standard-1@6"]
    assert (suite["mode"], before["mode"], suite["hash"]) == ("robust", "full", before["hash"])
    # An example has one row: of the attack that broke it first, with the passes of the attacks until then.
    tables = [pd.read_parquet(own / "predictions.parquet").astype(object) for own in (cheap, run)]
    rows, all_rows = (table.where(table.notna(), None) for table in tables)
    rows = rows[rows["attack"] == "robust@6"].set_index(["language", "id"])
    broken, spent = rows["broken_by"].notna(), 0
    assert len(rows) == 12 and broken.any() and not broken.all()
    for place, row in rows.iterrows():
        tried = all_rows[(all_rows["language"] == place[0]) & (all_rows["id"] == place[1])].set_index("attack")
        tried = tried.loc[[name for name in before["attacks"] if name in tried.index]]
        wrong = tried["prediction"] != tried["label"]
        first = list(wrong).index(True) if wrong.any() else len(wrong) - 1
        assert row["queries"] == tried["queries"].iloc[: first + 1].sum()
        assert row["adversarial_text"] == (tried["adversarial_text"].iloc[first] if row["broken_by"] else None)
        assert row["broken_by"] in (None, tried.index[first])
        spent += row["queries"]
    assert suite["together"]["queries"] == spent < sum(full["attacks"][name]["queries"] for name in before["attacks"])
    assert (suite["together"]["examples"], suite["together"]["extensions"][0]["examples"]) == (12, 3)
    assert set(suite["together"]["refused"]) == {"MaxWordsChanged", "KeepNumbers"}
    report = (cheap / "report" / "report.md").read_text()
    assert "on 12 examples until an attack broke them" in report and "robust@6" in report
    # Both ways in one folder: the examples of either count.
    line = refusal(cheap, "--suite", "standard-1@6", "--suite_mode", "robust", "--seed", 3)
    assert "with seed 7, but this is seed 3" in line
    attack(run, "--suite", "standard-1@6", "--suite_mode", "robust", "--max_examples", 5)
    both = results(run)["suites"]["standard-1@6"]
    assert both["mode"] == "full" and both["together"]["examples"] == 3
    (summary,) = build_report([run]).summaries
    assert {own.examples for name, own in summary.conditions["robust@6"].items() if name in ("en", "de", "zh")} == {5}
    assert not [note for note in summary_notes(summary) if "disagree" in note]


def test_suites_of_one_folder_have_figures_of_their_own(run: Path, tmp_path: Path, monkeypatch) -> None:
    suites = tmp_path / "suites"
    shutil.copytree(suite_file("standard-1").parent, suites)
    definition = yaml.safe_load((suites / "standard-1.yaml").read_text())
    case = {"attacks": {"case": definition["attacks"]["case"]}, "controls": {}}
    (suites / "standard-2.yaml").write_text(yaml.safe_dump(case))
    monkeypatch.setattr("xltrobust.perturb.suite._FOLDER", suites)
    for name in ("standard-1@2", "standard-2@2", "standard-2"):
        attack(run, "--suite", name, "--suite_mode", "robust", "--max_examples", 2, "--languages", "en")
    found = results(run)
    assert list(found["suites"]) == ["standard-1@2", "standard-2@2", "standard-2"]
    conditions = {"robust@2", "robust:standard-2@2", "robust:standard-2"}
    assert conditions <= set(pd.read_parquet(run / "predictions.parquet")["attack"])
    assert {f"test/adv_acc/{name}/en" for name in conditions} <= set(found["figures"])
    assert conditions <= set(Results(run).figures()["condition"])


def test_attacks_of_fit_are_told_from_others_of_the_same_name(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = results(run)["attacks"]["typo"]
    assert (own["seed"], own["max_examples"], own["languages"]) == (7, 4, None)

    def forget(results: dict) -> None:  # as an older version wrote it
        for option in ("seed", "max_examples", "languages"):
            results["attacks"]["typo"].pop(option)

    for edit in (lambda results: None, forget):
        change(run, edit)
        assert "(seed: 7 there, 5 here)" in refusal(run, "--attack", "typo", "--seed", 5)
        for fewer in ((), ("--max_examples", 3), ("--languages", "de")):
            attack(run, "--attack", "typo", *fewer)
            assert "holds typo already" in capsys.readouterr().out
    line = refusal(run, "--attack", "typo", "--seed", 5)
    assert "give this one another name, --attack NEW_NAME=typo" in line
    attack(run, "--attack", "five=typo", "--seed", 5)
    assert results(run)["attacks"]["five"]["seed"] == 5


def test_a_table_that_is_not_told_is_not_taken_for_this_one(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"red": [name]}))
    parts = {
        name: {
            "class_path": "xltrobust.perturb.SynonymSubstitution",
            "init_args": {"tables": {"en": str(tmp_path / f"{name}.json")}},
        }
        for name in ("one", "two")
    }
    one, two = (recipe(tmp_path / f"{name}.yaml", perturbation=own) for name, own in parts.items())
    attack(run, "--attack", f"synonyms={one}", "--similarity", yaml.safe_load((run / "config.yaml").read_text())[
        "model"]["encoder"])  # fmt: skip
    assert "recipe.perturbation.tables.en" in refusal(run, "--attack", f"synonyms={two}")
    (tmp_path / "one.json").write_text(json.dumps({"red": ["three"]}))
    assert "recipe.perturbation" in refusal(run, "--attack", f"synonyms={one}")
    change(run, lambda own: own["attacks"]["synonyms"]["recipe"].update(
        perturbation={"class": "SynonymSubstitution", "sides": ["text", "text_pair"]}))  # fmt: skip
    line = refusal(run, "--attack", f"synonyms={one}")
    assert "does not tell its recipe.perturbation.tables" in line


@pytest.mark.parametrize("number", ["0", "-1"])
def test_a_cap_of_nothing_is_refused(run: Path, number: str) -> None:
    assert f"--max_examples: expected a whole number of at least 1, but got '{number}'" in refusal(
        run, "--attack", "typo", "--max_examples", number
    )


def test_one_encoder_judges_and_measures(run: Path, tmp_path: Path) -> None:
    encoder = yaml.safe_load((run / "config.yaml").read_text())["model"]["encoder"]
    constraint = {
        "class_path": "xltrobust.perturb.SemanticSimilarity",
        "init_args": {"minimum": 0.1, "encoder": encoder},
    }
    sentences._shared.cache_clear()
    own = recipe(tmp_path / "own.yaml", constraints=[constraint])
    attack(run, "--attack", own, "--similarity", encoder)
    used = sentences._shared.cache_info()
    assert (used.misses, used.currsize) == (1, 1) and used.hits
    assert pd.read_parquet(run / "predictions.parquet").query("attack == 'own'")["similarity"].notna().any()


@pytest.mark.parametrize("old", [False, True])
def test_a_swapped_checkpoint_is_refused(run: Path, old: bool) -> None:
    if old:
        change(run, lambda own: own["checkpoint"].pop("hash"))
        attack(run, "--attack", "more=typo")  # the same still answers the same
    path = run / "checkpoints" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    head = next(name for name in state["state_dict"] if state["state_dict"][name].shape[0] == 3)
    state["state_dict"][head] = -state["state_dict"][head]
    torch.save(state, path)
    line = refusal(run, "--attack", "again=typo")
    assert str(path) in line and ("not the checkpoint that was tested" if old else "not the checkpoint whose") in line


OTHER = {"red": "blue", "blue": "red", "green": "red"}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda rows: [[id_, f"{text}!", label] for id_, text, label in rows], "is another text than here"),
        (lambda rows: [[id_, text, OTHER[label]] for id_, text, label in rows], "has another label than here"),
        (lambda rows: rows[:-1], "is not in the data any more"),
        (lambda rows: [*rows, ["new", "the house", "red"]], "en/new is new in the data"),
    ],
)
def test_changed_data_are_refused(run: Path, edit, words: str) -> None:
    path = run.parent / "data" / "en" / "test.tsv"
    header, *rows = (line.split("\t") for line in path.read_text(encoding="utf8").splitlines())
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *edit(rows)]), encoding="utf8")
    line = refusal(run, "--attack", "more=typo")
    assert words in line and str(run / "predictions.parquet") in line


def test_two_attacks_at_once_are_both_kept(run: Path) -> None:
    """Forked, so that the imports are not paid twice; both read the run before either writes."""
    before = len(pd.read_parquet(run / "predictions.parquet"))
    children = []
    for name in ("first", "second"):
        if (child := os.fork()) == 0:
            code = 1
            try:
                torch.set_num_threads(1)
                attack(run, "--attack", f"{name}=typo")
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    own, rows = results(run), pd.read_parquet(run / "predictions.parquet")
    assert set(own["attacks"]) == {"typo", "first", "second"}
    assert len(rows) == before + 2 * 3 * 4 and rows["attack"].value_counts()["second"] == 3 * 4
    assert {f"test/adv_acc/{name}/de" for name in ("first", "second", "worst")} <= set(own["figures"])
    assert not (run / "answers").exists()
    report = (run / "report" / "report.md").read_text(encoding="utf8")
    assert "first" in report and "second" in report
