"""``xltrobust augment``: seeded copies of lines and columns."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from xltrobust.augment import main as augment
from xltrobust.errors import UserError

LINES = ["das haus ist sehr alt und nah", "ein baum ist grün", "", "rot"]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("\n".join(LINES) + "\n", encoding="utf8")
    return tmp_path / "a.txt"


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    augment([str(word) for word in arguments])
    return capsys.readouterr().out.splitlines()


def test_copies_are_seeded_and_differ(text: Path, capsys) -> None:
    options = ("--perturbation", "typo", "--language", "de", text)
    once, twice = said(capsys, *options), said(capsys, *options)
    assert once == twice and len(once) == 4 and once[2] == ""
    changed = [(ours, theirs) for ours, theirs in zip(LINES, once, strict=True) if ours]
    assert all(ours != theirs for ours, theirs in changed)
    assert said(capsys, *options, "--seed", 1) != once
    copies = said(capsys, *options, "--copies", 3)
    assert len(copies) == 12 and copies[::3] == once and len(set(copies[:3])) == 3


def test_a_line_does_not_depend_on_the_others(text: Path, tmp_path: Path, capsys) -> None:
    options = ("--perturbation", "TypoPerturbation", "--language", "de")
    whole = said(capsys, *options, text)
    (tmp_path / "b.txt").write_text("\n".join(["other", *LINES[1:]]) + "\n", encoding="utf8")
    assert said(capsys, *options, tmp_path / "b.txt")[1:] == whole[1:]


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_a_column_is_perturbed_in_each_rows_language(tmp_path: Path, suffix: str) -> None:
    rows = [{"lang": "de", "text": 'das "haus", alt', "label": "a"}, {"lang": "ru", "text": "старый дом", "label": "b"}]
    path, out = tmp_path / f"a.{suffix}", tmp_path / f"out.{suffix}"
    with path.open("w", encoding="utf8", newline="") as file:
        if suffix == "jsonl":
            file.writelines(json.dumps(row) + "\n" for row in rows)
        elif suffix == "csv":
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.write("\n".join("\t".join(values) for values in [rows[0], *(row.values() for row in rows)]) + "\n")
    options = ["--perturbation", "lookalike", "--rate", "0.5", "--column", "text", "--language", "lang"]
    augment([*options, str(path), "--output", str(out)])
    from xltrobust.datamodules.rows import read_rows

    made = [row for _, row in read_rows(out)]
    assert [row["label"] for row in made] == ["a", "b"]
    assert all(ours["text"] != theirs["text"] for ours, theirs in zip(rows, made, strict=True))


def test_all_but_the_text_of_an_object_stays_as_it_is(tmp_path: Path, capsys) -> None:
    rows = [
        {"id": 7, "text": "das haus ist alt", "tags": ["a", "b"], "ok": True, "none": None, "lang": "de"},
        {"text": None, "id": 1.5, "lang": "de"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    options = ("--perturbation", "typo", "--column", "text", "--language", "lang", path)
    made = [json.loads(line) for line in said(capsys, *options)]
    assert made[0]["text"] != rows[0]["text"]
    assert [row | {"text": None} for row in made] == [row | {"text": None} for row in rows]
    assert list(made[1]) == list(rows[1]) and made[1] == rows[1]
    with pytest.raises(UserError, match="a.jsonl:1: expected text in 'tags', but got a list"):
        augment(["--perturbation", "typo", "--column", "tags", "--language", "de", str(path)])


def test_a_column_may_be_named_like_a_language(tmp_path: Path, capsys) -> None:
    path = tmp_path / "p.tsv"
    path.write_text("id\tde\ten\tlg\n17\tdas haus\tthe house\tru\n", encoding="utf8")
    options = ("--perturbation", "lookalike", "--rate", 1, path, "--column")
    made = said(capsys, *options, "de", "--language", "de")[1].split("\t")
    assert made[1] != "das haus" and [made[0], *made[2:]] == ["17", "the house", "ru"]
    said(capsys, *options, "en", "--language", "id")  # Indonesian
    with pytest.raises(UserError, match="'other'"):
        said(capsys, *options, "en", "--language", "other")
    russian, luganda = (said(capsys, *options, "en", "--language", code) for code in ("ru", "lg"))
    assert russian == luganda  # the column `lg` holds codes, so it is the column


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--perturbation", "tipo", "--language", "de"), "--perturbation tipo: not one of .*TypoPerturbation"),
        (("--perturbation", "typo", "--language", "german"), "--language.*'german'"),
        (("--perturbation", "diacritics", "--language", "zh"), "DiacriticsPerturbation cannot change zh"),
        (("--perturbation", "typo", "--language", "de", "--column", "text"), "--column goes with .tsv"),
        (("--perturbation", "typo", "--language", "de", "--options", '{"x": 1}'), "--perturbation typo: .*x"),
        (("--perturbation", "typo", "--language", "de", "--rate", "2"), "`rate`"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    text: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        augment([*options, str(text), "--output", str(tmp_path / "out.txt")])
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
