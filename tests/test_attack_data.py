"""``attack --model … --data …``: a classifier and a labelled file, without any configuration."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from test_attack_classifier import NAMES, save_classifier, write_recipe

from xltrobust.attack import main as attack
from xltrobust.errors import UserError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("model") / "colours", NAMES)


@pytest.fixture
def rows(tiny_task: Path) -> list[dict[str, str]]:
    found = []
    for language in ("de", "en", "zh"):
        with (tiny_task / language / "test.tsv").open(encoding="utf8") as file:
            found += [row | {"lang": language} for row in csv.DictReader(file, delimiter="\t")]
    return found


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]) + "\n", encoding="utf8")
    return path


def run(model: Path, folder: Path, *arguments: object, attack_name: str = "typo") -> None:
    recipe = write_recipe(folder.parent / f"{attack_name}.yaml")
    options = ["--model", model, "--output", folder, "--attack", recipe, "--accelerator", "cpu", *arguments]
    attack([str(word) for word in options])


def read(folder: Path) -> tuple[pd.DataFrame, dict]:
    results = json.loads((folder / "results.json").read_text(encoding="utf8"))
    return pd.read_parquet(folder / "predictions.parquet"), results


def test_one_file_with_a_language_column(model: Path, rows: list, tmp_path: Path, capsys) -> None:
    run(model, tmp_path / "out", "--data", write(tmp_path / "a.tsv", rows), "--language", "lang", "--id", "id")
    found, results = read(tmp_path / "out")
    assert results["languages"] == ["en", "de", "zh"] and results["labels"] == NAMES
    assert len(found) == 2 * 75
    clean = found[found["attack"].isna()]
    given = {(row["lang"], row["id"]): NAMES.index(row["label"]) for row in rows}
    assert {(row.language, row.id): row.label for row in clean.itertuples()} == given
    assert results["figures"]["test/acc/de"] == pytest.approx(
        (clean[clean.language == "de"].label == clean[clean.language == "de"].prediction).mean()
    )
    assert "test/adv_acc/typo/zh" in results["figures"]
    assert (tmp_path / "out" / "report" / "report.md").exists() and "typo" in capsys.readouterr().out


def test_files_by_language_without_a_header_and_labels_in_another_case(model: Path, rows: list, tmp_path: Path) -> None:
    for language in ("de", "zh"):
        lines = [f"{row['text']}\t{row['label'].title()}" for row in rows if row["lang"] == language]
        (tmp_path / f"test-{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    run(model, tmp_path / "out", "--data", tmp_path / "test-{language}.tsv", "--header", "text", "label")
    _, results = read(tmp_path / "out")
    assert results["languages"] == ["de", "zh"]
    assert "test/transfer_gap" not in results["figures"]  # there is nothing in the source language


def test_numbers_stand_for_classes_in_the_order_given(model: Path, rows: list, tmp_path: Path) -> None:
    order = ["green", "red", "blue"]
    numbered = [row | {"label": str(order.index(row["label"]))} for row in rows if row["lang"] == "de"]
    data = write(tmp_path / "a.tsv", numbered)
    with pytest.raises(UserError, match="labels are numbers .* with --labels, the class of 0 first"):
        run(model, tmp_path / "out", "--data", data, "--language", "de")
    assert not (tmp_path / "out").exists()
    run(model, tmp_path / "out", "--data", data, "--language", "de", "--labels", *order)
    found, results = read(tmp_path / "out")
    names = [results["labels"][label] for label in found[found.attack.isna()].label]
    assert names == [row["label"] for row in rows if row["lang"] == "de"]


def test_a_local_datasets_directory(model: Path, rows: list, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    table = pd.DataFrame(rows).rename(columns={"lang": "language"})
    table.loc[table["id"] == table["id"].iloc[0], "text"] = None
    table.to_parquet(tmp_path / "set" / "test-0.parquet")
    run(model, tmp_path / "out", "--data", tmp_path / "set", "--split", "test", "--id", "id")
    found, results = read(tmp_path / "out")
    assert results["languages"] == ["en", "de", "zh"]
    assert set(found.loc[(found["id"] == rows[0]["id"]) & found["attack"].isna(), "text"]) == {""}


def test_a_language_goes_before_a_column_of_its_name(model: Path, rows: list, tmp_path: Path) -> None:
    data = write(tmp_path / "a.tsv", [row for row in rows if row["lang"] == "de"])
    run(model, tmp_path / "out", "--data", data, "--language", "id", "--id", "id")
    assert read(tmp_path / "out")[1]["languages"] == ["id"]  # Indonesian


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--run r --output o", "--output goes with --model"),
        ("--run r --config c.yaml", "--config goes with --model"),
        ("--run r --data d.tsv", "--data goes with --model"),
        ("--run r --language de", "--language goes with --model"),
        ("--model m --output o --config c.yaml --data d.tsv", "--data and --config both name the test data"),
        ("--model m --output o --config c.yaml --text t", "--text goes with --data, not with --config"),
        ("--model m --data {language}.tsv --language de", "--language and {language} in --data both tell"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(arguments: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        attack([*arguments.split(), "--attack", "typo_random"])


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"label": "purple"}, (), r"label 'purple' is none of the classifier's classes \(red, blue, green\)"),
        ({"lang": "german"}, (), "to name languages by codes .* but got 'german'"),
        ({}, ("--text", "sentence"), "there is no column 'sentence', but id, text, label, lang"),
        ({}, ("--languages", "fr"), "there is nothing in 'fr', but in de, en, zh"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_left(
    model: Path, rows: list, tmp_path: Path, change: dict, options: tuple, said: str
) -> None:
    data = write(tmp_path / "a.tsv", [*rows[:-1], rows[-1] | change])
    with pytest.raises(UserError, match=said) as refused:
        run(model, tmp_path / "out", "--data", data, "--language", "lang", *options)
    assert "\n" not in str(refused.value) and "a.tsv" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_an_extended_attack_is_what_one_of_everything_would_have_been(
    model: Path, rows: list, tmp_path: Path, monkeypatch
) -> None:
    data = ("--data", write(tmp_path / "a.tsv", rows), "--language", "lang", "--id", "id")
    run(model, tmp_path / "whole", *data, "--max_examples", 12)
    asked: list[str] = []
    from xltrobust.models.victim import ClassifierVictim

    answer = ClassifierVictim.__call__

    def counted(self, examples):
        asked.extend(example.text for example in examples)
        return answer(self, examples)

    monkeypatch.setattr(ClassifierVictim, "__call__", counted)
    run(model, tmp_path / "parts", *data, "--max_examples", 5, "--languages", "de")
    assert read(tmp_path / "parts")[1]["languages"] == ["de"]
    run(model, tmp_path / "parts", *data, "--max_examples", 5, "--languages", "en", "zh")
    run(model, tmp_path / "parts", *data, "--max_examples", 12)
    # Of what was asked before, only the clean texts of examples that are new to the attack are asked again.
    again = [text for text, times in Counter(asked).items() if times > 1]
    assert len(again) <= 21 and set(again) <= {row["text"] for row in rows}
    parts, whole = read(tmp_path / "parts"), read(tmp_path / "whole")
    pd.testing.assert_frame_equal(*(frame.drop(columns="similarity") for frame in (parts[0], whole[0])))
    assert parts[1]["figures"] == whole[1]["figures"]
    for name in ("examples", "queries", "backwards", "refused", "recipe", "languages", "max_examples", "seed"):
        assert parts[1]["attacks"]["typo"][name] == whole[1]["attacks"]["typo"][name], name
    assert [more["examples"] for more in parts[1]["attacks"]["typo"]["extensions"]] == [10, 21]


def test_less_than_the_folder_holds_is_there_already(model: Path, rows: list, tmp_path: Path, capsys) -> None:
    data = ("--data", write(tmp_path / "a.tsv", rows), "--language", "lang")
    run(model, tmp_path / "out", *data, "--max_examples", 6)
    before = (tmp_path / "out" / "predictions.parquet").read_bytes()
    run(model, tmp_path / "out", *data, "--max_examples", 3, "--languages", "de")
    assert "holds typo already" in capsys.readouterr().out
    assert (tmp_path / "out" / "predictions.parquet").read_bytes() == before


def test_the_clean_test_is_capped_too(model: Path, rows: list, tmp_path: Path) -> None:
    data = ("--data", write(tmp_path / "a.tsv", rows), "--language", "lang", "--id", "id")
    run(model, tmp_path / "out", *data, "--max_test_examples", 8, "--max_examples", 3)
    found, _ = read(tmp_path / "out")
    clean, attacked = found[found["attack"].isna()], found[found["attack"].notna()]
    assert set(clean.groupby("language").size()) == {8} and set(attacked.groupby("language").size()) == {3}
