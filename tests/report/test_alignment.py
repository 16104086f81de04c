"""Tables of alignment: the runs' own figures, in their languages' order, and none where none was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_runs import write_run

from xltrobust.report import build_report, write_report
from xltrobust.report.methods import read_methods
from xltrobust.report.over_seeds import compare_methods
from xltrobust.report.seeds import main
from xltrobust.report.tables.alignment import alignment_by_method, alignment_tables

KINDS = ("retrieval", "retrieval_back", "word_retrieval", "word_retrieval_back", "margin", "hubness", "cka_debiased")


def measured(folder: Path, shift: float = 0.0, **options) -> Path:
    """A run whose retrieval is 50 % before training, and 60 and 70 % in the test."""
    write_run(folder, **options)
    results = json.loads((folder / "results.json").read_text())
    for number, kind in enumerate(KINDS):
        for stage, start in (("start", 0.5), ("test", 0.6 + shift)):
            values = {"zh-CN": start + number / 100, "de": start + 0.1 + number / 100}
            values["avg"] = sum(values.values()) / 2
            results["figures"] |= {f"{stage}/{kind}/{name}": value for name, value in values.items()}
    results["figures"]["test/hubness/zh-CN"] = -1.5
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_one_run_shows_languages_before_and_after(tmp_path: Path) -> None:
    (table,) = alignment_tables(build_report([measured(tmp_path / "run")]))
    assert [row[0] for row in table.rows] == ["de", "zh-CN"] and table.summary[0][0] == "avg"
    assert [name for name, _ in table.columns] == [
        "language", "retrieval", "back", "words", "words back", "margin", "hubness", "CKA, debiased"
    ]  # fmt: skip
    assert table.rows[0][1:3] == ["60.0 → 70.0", "61.0 → 71.0"] and table.rows[1][6] == "0.55 → −1.50"
    assert table.summary[0][1] == "55.0 → 65.0"
    text = write_report([tmp_path / "run"]).markdown.read_text(encoding="utf8")
    assert "## Alignment of held-out translations" in text and "| de | 60.0 → 70.0 |" in text


def test_several_runs_show_their_means(tmp_path: Path) -> None:
    runs = [measured(tmp_path / name, shift, name=name) for name, shift in (("a", 0.0), ("b", 0.1))]
    (table,) = alignment_tables(build_report([*runs, write_run(tmp_path / "c", name="c")]))
    assert [row[:2] for row in table.rows] == [["a", "65.0"], ["b", "75.0"]]
    assert table.summary[0][:2] == ["before training", "55.0"]


def test_seeds_show_means_and_their_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for method, shifts in {"plain": (0.0, 0.02), "aligned": (0.1, 0.2)}.items():
        for seed, shift in enumerate(shifts):
            measured(tmp_path / method / f"seed-{seed}", shift, seed=seed)
    methods = read_methods([tmp_path / name for name in ("plain", "aligned")], "test")
    means, by_language = alignment_by_method(compare_methods(methods))
    assert [row[:2] for row in means.rows] == [["plain", "66.0 (65.0 to 67.0)"], ["aligned", "80.0 (75.0 to 85.0)"]]
    assert means.rows[0][5].startswith("0.70 (") and means.summary[0][1] == "55.0"
    assert by_language.rows[0] == ["de", "60.0", "71.0 (70.0 to 72.0)", "85.0 (80.0 to 90.0)"]
    main([str(tmp_path / "plain"), str(tmp_path / "aligned")])
    assert "Sentence retrieval, held-out pairs" in capsys.readouterr().out


def test_a_run_says_which_pairs_it_had(tmp_path: Path) -> None:
    source = {"source": "a|b", "version": "1.2", "licence": "CC0"}
    parallel = {"sources": [source], "pairs": 12345, "hash": "0123456789abcdef", "control": "shuffled_pairs"}
    data = {"parallel": parallel, "words_with_translation": {"de": 0.625, "zh-CN": 0.5}}
    write_run(tmp_path / "run", data=data)
    text = write_report([tmp_path / "run"]).markdown.read_text(encoding="utf8")
    assert (
        "12,345 sentence pairs of a&#124;b 1.2 (CC0), 0123456789ab; control: shuffled&#95;pairs (bounds the harm of bad"
        in text
    )
    assert "| words with a translation | de 62.5 %, zh-CN 50.0 % |" in text
    parallel |= {"control": "source_views", "control_kind": "neutral"}
    write_run(tmp_path / "views", data={"parallel": parallel})
    text = write_report([tmp_path / "views"]).markdown.read_text(encoding="utf8")
    assert "control: source&#95;views (neutral) |" in text


def test_the_two_estimators_of_cka_are_never_in_one_column(tmp_path: Path) -> None:
    old, new = (measured(tmp_path / name, name=name) for name in ("old", "new"))
    path = old / "results.json"
    path.write_text(path.read_text().replace("/cka_debiased/", "/cka/"))
    (table,) = alignment_tables(build_report([old]))
    assert table.columns[-1][0] == "CKA, biased" and table.rows[0][-1] == "0.66 → 0.76"
    (table,) = alignment_tables(build_report([old, new]))
    assert [name for name, _ in table.columns[-2:]] == ["CKA, debiased", "CKA, biased"]
    assert [row[-2:] for row in table.rows] == [["", "0.71"], ["0.71", ""]]


def test_runs_without_the_figures_have_no_table(tmp_path: Path) -> None:
    run = write_run(tmp_path / "plain" / "seed-0")
    assert alignment_tables(build_report([run])) == []
    assert alignment_by_method(compare_methods(read_methods([tmp_path / "plain"], "test"))) == []
