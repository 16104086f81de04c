import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_runs import EVIL, attacked_on, printed, rewrite, write_run

from xltrobust.errors import UserError
from xltrobust.report import build_report, write_report
from xltrobust.report.__main__ import main
from xltrobust.report.examples import attacked_examples
from xltrobust.report.heatmap import _panel_of
from xltrobust.report.markdown import escape
from xltrobust.report.notes import summary_notes
from xltrobust.report.summary import combinations
from xltrobust.report.tables.accuracy import accuracy_tables, condition_table, overview


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "base")


@pytest.fixture(scope="module")
def paths(run):
    return write_report([run])


def test_figures_are_those_computed_by_hand(run):
    summary = build_report([run]).summaries[0]
    assert list(summary.conditions) == ["clean", "typos", "words", "worst"]
    values = {name: {k: round(v.value, 6) for k, v in own.items()} for name, own in summary.conditions.items()}
    assert values["clean"] == {
        "en": 0.9, "de": 0.8, "zh-CN": 0.7, "avg": 0.75, "avg_all": 0.8, "transfer_gap": 0.15
    }  # fmt: skip
    # words: the first 10 and the last 5 of 20; worst: right under both.
    assert {values["typos"]["de"], values["worst"]["de"]} == {0.5} and values["words"]["de"] == 0.75
    assert summary.conditions["worst"]["de"].examples == 20 and summary.conditions["worst"]["de"].groups == 10
    for own in summary.conditions.values():
        assert all(interval.low <= interval.value <= interval.high for interval in own.values())
    assert summary.shared["avg"].value == pytest.approx(0.75) and summary.shared_labels == 2


def test_terminal_table(run):
    text = printed([run])
    assert max(map(len, text.splitlines())) <= 120
    line = next(line for line in text.splitlines() if line.startswith("de")).split()
    assert line[:4] == ["de", "40", "31", "80.0"] and "100.0 → 50.0 [" in " ".join(line)
    (rest,) = [line.split() for line in text.splitlines() if line.startswith("de") and "79.0" in line]
    assert rest[-2:] == ["79.0", "50.0"]
    for expected in ("worst", "n = 20", "transfer gap", "avg (targets)", "avg, 2 shared labels", "fewer than 20"):
        assert expected in text
    assert "disagree" not in text
    # A narrow terminal gets the same columns in several parts, and no figure is cut.
    narrow = printed([run], width=60)
    assert max(map(len, narrow.splitlines())) <= 60 and narrow.count("avg (all)") > 1 and "…" not in narrow


def test_beside_an_attack_stands_clean_accuracy_on_its_examples(tmp_path):
    # Of 40 clean texts one is wrong; among the four attacked ones it is one of four.
    folder = attacked_on(tmp_path / "run", {"typos": {"en": "0000", "de": "0010"}}, clean=["0"])
    report = build_report([folder])
    summary = report.summaries[0]
    assert summary.conditions["clean"]["de"].value == 39 / 40
    assert {name: own.value for name, own in summary.clean_on_attacked["typos"].items() if name != "transfer_gap"} == {
        "en": 0.75, "de": 0.75, "avg": 0.75, "avg_all": 0.75
    }  # fmt: skip
    (table,) = accuracy_tables(report)
    (column,) = [at for at, (name, _) in enumerate(table.columns) if name == "typos"]
    assert table.columns[column][1] == "n = 4" and "clean accuracy on the same examples → under attack" in table.title
    assert table.rows[1][column].value == "75.0 → 25.0" and table.summary[0][column].value == "75.0 → 25.0"
    assert "75.0 → 25.0 [" in printed(report)
    paths = write_report(report)
    assert "| 75.0 → 25.0 [" in paths.markdown.read_text(encoding="utf8")
    frame = pd.read_csv(paths.csv).set_index(["metric", "condition", "language"])
    assert tuple(frame.loc[("accuracy_before", "typos", "de"), ["value", "n"]]) == (0.75, 4)
    # Where not all clean texts were classified, nothing stands beside the attack.
    rewrite(folder, lambda rows: rows[~((rows["id"] == "0") & (rows["language"] == "de") & rows["attack"].isna())])
    assert list(build_report([folder]).summaries[0].clean_on_attacked["typos"]) == ["en"]


def test_the_heatmap_counts_each_column(tmp_path):
    folder = attacked_on(tmp_path / "run", {"typos": {"en": "0000", "de": "00"}, "case": {"de": "011"}}, clean=["0"])
    (summary,) = build_report([folder]).summaries
    panel = _panel_of(summary, ["en", "de"])
    assert [(own.name, own.counts, own.paired) for own in panel.columns] == [
        ("clean", "n = 40", False), ("typos", "n = 2–4", True), ("case", "n = 3", True), ("worst", "n = 2", True)
    ]  # fmt: skip
    # Cells: clean; before typos, typos; before case, case; before worst, worst. Rows: en, de, avg, avg_all.
    assert panel.values[1] == pytest.approx([97.5, 50, 0, 200 / 3, 200 / 3, 50, 0])
    assert panel.values[2, 3] == pytest.approx(200 / 3) and np.isnan(panel.values[2:, 5:]).all()


def test_the_worst_is_never_above_its_attacks(tmp_path):
    # English and German have typos; only German has words, which break nearly all of it.
    covered = {"typos": {"en": "1111", "de": "1110", "zh-CN": "1100"}, "words": {"de": "0001"}}
    report = build_report([attacked_on(tmp_path / "run", covered)])
    (summary,) = report.summaries
    assert list(summary.conditions["worst"]) == ["de"] and summary.conditions["worst"]["de"].value == 0
    assert summary.conditions["words"]["avg"].value == 0.25  # of German, as is the clean accuracy beside it
    notes = " ".join(summary_notes(summary))
    assert "worst is given only for de" in notes and "words cover fewer languages" in notes
    assert "averages of words are over 1 of 3 languages" in notes
    # With fewer attacks there are more of it.
    (summary,) = build_report([tmp_path / "run"], attacks=["typos"]).summaries
    assert list(summary.conditions) == ["clean", "typos"] and not summary_notes(summary)[1:]
    with pytest.raises(UserError, match=r"no attack 'swaps' in .*run; there is \['typos', 'words'\]"):
        build_report([tmp_path / "run"], attacks=["swaps"])


def test_robust_is_over_the_attacks_of_a_suite_that_apply(tmp_path):
    suite = {"hash": "abc", "attacks": ["s:typos", "s:case"], "controls": ["s:typos_random"]}
    suite["not_applicable"] = {"s:case": ["zh-CN"]}
    covered = {
        "s:typos": {"en": "1110", "de": "1110", "zh-CN": "1100"}, "s:case": {"en": "0111", "de": "1111"},
        "s:typos_random": {"en": "0000", "de": "0001", "zh-CN": "0000"},
    }  # fmt: skip
    first = attacked_on(tmp_path / "a", covered, name="a", suites={"standard-1": suite})
    report = build_report([first])
    (summary,) = report.summaries
    assert {name: own.value for name, own in summary.conditions["robust"].items() if name != "transfer_gap"} == {
        "en": 0.5, "de": 0.75, "zh-CN": 0.5, "avg": 0.625, "avg_all": pytest.approx(1.75 / 3)
    }  # fmt: skip
    notes = " ".join(summary_notes(summary))
    assert "s:case has nothing to change in zh-CN" in notes and "flatters" in notes and "robust" not in summary.costs
    assert "robust" in write_report(report).markdown.read_text() and "definition abc" in printed_facts(first)
    assert "robust" not in build_report([first], attacks=["s:typos"]).summaries[0].conditions
    # Runs are compared if the suite is the same.
    for changed, compared in ((suite, True), (suite | {"hash": "other"}, False)):
        folder = tmp_path / changed["hash"]
        second = attacked_on(folder, covered, name="b", suites={"standard-1": changed})
        (comparison,) = build_report([first, second]).comparisons
        assert ("robust" in comparison.conditions) == compared
        assert any("another suite" in note for note in comparison.notes) != compared


def test_robust_of_a_suite_that_was_run_until_an_attack_broke_the_example(tmp_path):
    suite = {"hash": "abc", "mode": "robust", "attacks": ["s:typos", "s:case"], "controls": ["s:typos_random"]}
    suite |= {"not_applicable": {}, "together": {"examples": 8, "queries": 40, "backwards": 4, "caveat": "no keyboard"}}
    folder = attacked_on(tmp_path / "a", {"robust": {"en": "1100", "de": "1110"}}, suites={"standard-1": suite})

    def by_typos(rows):
        broken = (rows["attack"] == "robust") & (rows["prediction"] != rows["label"])
        text = rows["text"].where(~broken, "changed")
        return rows.assign(
            broken_by=pd.Series(None, rows.index, object).mask(broken, "s:typos"), adversarial_text=text.where(broken)
        )

    rewrite(folder, lambda rows: by_typos(rows.reset_index(drop=True)))
    report = build_report([folder])
    (summary,) = report.summaries
    assert list(summary.conditions) == ["clean", "robust"] and not summary.costs
    assert (summary.conditions["robust"]["en"].value, summary.conditions["robust"]["de"].value) == (0.5, 0.75)
    assert "no keyboard" in summary_notes(summary)
    assert {example.attack for example in attacked_examples(summary)} == {"s:typos"}
    write_report(report, folder / "report")
    assert "on 8 examples until an attack broke them: 5.5 passes an example" in printed_facts(folder)
    assert "s:typos" in (folder / "report" / "attacked.html").read_text()
    assert "robust" not in build_report([attacked_on(
        tmp_path / "b", {"robust": {"en": "10"}, "typos": {"en": "11"}}, suites={"standard-1": suite}
    )], attacks=["typos"]).summaries[0].conditions  # fmt: skip


def printed_facts(folder):
    return (folder / "report" / "report.md").read_text()


def test_the_worst_and_its_averages_over_equal_coverage(tmp_path):
    covered = {"typos": {"en": "1111", "de": "1100"}, "words": {"en": "0111", "de": "101"}}
    (summary,) = build_report([attacked_on(tmp_path / "run", covered)]).summaries
    values = {name: own.value for name, own in summary.conditions["worst"].items()}
    assert values["en"] == 0.75 and values["avg"] == values["de"] == pytest.approx(1 / 3)
    assert "more were tried by typos" in " ".join(summary_notes(summary))
    # No example was tried by both.
    rewrite(
        tmp_path / "run", lambda rows: rows.assign(id=rows["id"].where(rows["attack"] != "words", "9" + rows["id"]))
    )
    (summary,) = build_report([tmp_path / "run"]).summaries
    assert "worst" not in summary.conditions and "there is no worst" in " ".join(summary_notes(summary))


def test_averages_and_their_difference_are_over_the_same(tmp_path):
    # On German, which both have, the second run is worse; its average over all of its own languages is better.
    first = attacked_on(tmp_path / "a", {"typos": {"en": "1" * 8, "de": "1" * 6 + "00", "fr": "0" * 8}}, name="a")
    second = attacked_on(tmp_path / "b", {"typos": {"en": "1" * 8, "de": "1" * 5 + "00"}}, name="b")
    report = build_report([first, second])
    table = condition_table(report, "typos")
    avg = next(row for row in table.summary if row[0] == "avg (targets)")
    assert [cell.interval.value for cell in avg[1:]] == pytest.approx([6 / 7, 5 / 7, -1 / 7])
    assert [name for name, *_ in table.rows] == ["en", "de"] and table.columns[1][1] == "n = 7–8; 2 of 3 languages"
    shown = [cell.interval.value for cell in overview(report, ["typos"]).rows[1][1:]]
    assert shown == pytest.approx([5 / 7, -1 / 7])
    notes = " ".join(report.comparisons[0].notes)
    assert "typos: compared on the 15 examples that all runs have; this leaves out 0 of b and 9 of a" in notes
    # Each run's own table is of all it has.
    assert report.summaries[0].conditions["typos"]["avg"].value == pytest.approx(3 / 8)
    paths = write_report(report, tmp_path / "out")
    frame = pd.read_csv(paths.csv).set_index(["run", "metric", "condition", "language"])["value"]
    values = [frame.loc[("a", "accuracy" + kind, "typos", "avg")] for kind in ("", "_common")]
    assert values == pytest.approx([3 / 8, 6 / 7])
    assert frame.loc[("b", "accuracy_difference", "typos", "avg")] == pytest.approx(-1 / 7)


def test_three_runs_are_compared_on_what_all_have(tmp_path):
    runs = [
        attacked_on(tmp_path / name, {"typos": {"en": "1111", "de": answers}}, name=name)
        for name, answers in {"a": "1100", "b": "1010", "c": "0"}.items()
    ]
    other = attacked_on(tmp_path / "d", {"typos": {"en": "1111", "de": "1111"}}, name="d")
    rewrite(other, lambda frame: frame.assign(text=frame["text"] + " now"))
    report = build_report([*runs, other])
    assert [own.conditions["typos"]["de"].value for own in report.common[:3]] == [1, 1, 0]
    assert not report.common[3].conditions  # it takes no example from the others
    values = [own.conditions["typos"]["avg"].value for own in report.comparisons[:2]]
    assert values == [0, -1] and not report.comparisons[2].conditions
    write_report(report, tmp_path / "out")


def test_what_holds_of_all_contrasts_stands_beside_them(run, tmp_path):
    others = [write_run(tmp_path / name, name=name, shift=2) for name in ("b", "c")]
    text = " ".join(printed([run, *others]).split())
    written = " ".join(write_report([run, *others], tmp_path / "out").markdown.read_text(encoding="utf8").split())
    for said in (text, written):
        assert "All are to the same run, base" in said and "Languages are treated as fixed" in said
        assert "no correction for multiple comparisons" in said
    assert "Languages are treated as fixed" not in printed([run])
    assert "All are to" not in printed([run, others[0]])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_spreadsheets_find_no_formula(tmp_path, start):
    name = f'{start}HYPERLINK("http://evil","x")'
    folder = write_run(tmp_path / "run", name=name, attacks=(f"{start}typos",))
    rewrite(folder, lambda rows: rows.assign(language=rows["language"].replace("de", f"{start}de")))
    frame = pd.read_csv(write_report([folder]).csv, keep_default_na=False)
    texts = [value for column in ("run", "split", "language", "condition", "metric") for value in frame[column]]
    assert not any(str(value).startswith(start) for value in texts)
    name, attack = (f"'{own}".replace("\r", " ") for own in (name, f"{start}typos"))
    assert set(frame["run"]) == {name} and attack in set(frame["condition"])
    assert pd.to_numeric(frame["low"]).min() < 0 or start != "-"  # numbers are left alone


def test_one_attack_has_no_worst_and_no_attack_no_columns(tmp_path):
    one = build_report([write_run(tmp_path / "one", attacks=("typos",))]).summaries[0]
    none = build_report([write_run(tmp_path / "none", attacks=())]).summaries[0]
    assert list(one.conditions) == ["clean", "typos"] and list(none.conditions) == ["clean"]
    assert "### Attacked" not in write_report([tmp_path / "none"]).markdown.read_text()


def test_markdown_is_escaped_and_says_where_it_comes_from(paths):
    text = paths.markdown.read_text(encoding="utf8")
    assert "<script" not in text and "\u202e" not in text
    assert "⟨U+202E⟩" in text and "off&#124;" in text and "&lt;" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block
    for expected in (
        "mini&#95;lm",
        "with local changes",
        "```bash\nfit.py --config 'a b.yaml'\n```",
        "heatmap.png",
        "torch 2.9",
    ):
        assert expected in text
    assert escape("a|b\n<i>") == "a&#124;b &lt;i&gt;"


def test_attacked_examples_are_broken_and_spread(run):
    found = attacked_examples(build_report([run]).summaries[0])
    assert len(found) == 5 and {own.language for own in found[:2]} == {"de", "zh-CN"}
    assert {own.attack for own in found} == {"typos", "words"}
    assert all(own.label != own.prediction and own.texts[0][1] == EVIL for own in found)


def test_an_attack_that_broke_nothing_has_no_examples(tmp_path):
    unbroken = write_run(tmp_path / "unbroken")
    rewrite(unbroken, lambda frame: frame.assign(prediction=frame["label"]))
    assert attacked_examples(build_report([unbroken]).summaries[0]) == []
    assert write_report([unbroken]).markdown.exists()


def test_csv_is_tidy_and_exact(paths, run):
    frame = pd.read_csv(paths.csv)
    assert list(frame) == ["run", "split", "language", "condition", "metric", "value", "low", "high", "n"]
    assert not frame.duplicated(["run", "split", "language", "condition", "metric"]).any()
    summary = build_report([run]).summaries[0]
    for condition, own in summary.conditions.items():
        rows = frame[(frame["metric"] == "accuracy") & (frame["condition"] == condition)].set_index("language")
        for name in ("en", "de", "zh-CN", "avg", "avg_all"):
            assert tuple(rows.loc[name, ["value", "low", "high", "n"]]) == pytest.approx(own[name][:4], abs=1e-12)
    assert set(frame["metric"]) == {
        "accuracy", "accuracy_before", "accuracy_shared", "f1", "majority", "transfer_gap",
        "attacked", "attack_success", "queries",
    }  # fmt: skip


def test_heatmap_is_a_picture(paths):
    with Image.open(paths.pictures[0]) as picture:
        assert picture.format == "PNG" and min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1_000_000)) > 50
    left = sorted(path.name for path in paths.markdown.parent.iterdir())
    assert left == ["attacked.html", "heatmap.png", "report.csv", "report.md"]


def test_several_runs_are_compared_with_the_first(run, tmp_path):
    better = write_run(tmp_path / "better", name="better", shift=4)
    report = build_report([run, better])
    (comparison,) = report.comparisons
    assert comparison.conditions["clean"]["avg"].value == pytest.approx(0.1)
    assert comparison.conditions["clean"]["de"].examples == 40 and comparison.conditions["clean"]["avg"].excludes_zero
    assert not comparison.conditions["typos"]["avg"].excludes_zero
    text = printed(report)
    assert max(map(len, text.splitlines())) <= 120
    line = next(line for line in text.splitlines() if line.startswith("better"))
    assert "+10.0" in line and " *" in line and "0.0 [" in line
    paths = write_report(report, tmp_path / "out")
    frame = pd.read_csv(paths.csv).set_index(["run", "language", "condition", "metric"])
    assert frame.loc[("better", "avg", "clean", "accuracy_difference"), "value"] == pytest.approx(0.1)
    assert r"\*" in paths.markdown.read_text(encoding="utf8")


def test_runs_that_differ_are_compared_where_they_agree(run, tmp_path):
    other = write_run(tmp_path / "base", languages=("en", "de"), attacks=("typos", "swaps"), labels=["on", "off"])
    report = build_report([run, other])
    assert len({summary.run.name for summary in report.summaries}) == 2
    (comparison,) = report.comparisons
    assert set(comparison.conditions) == {"clean", "typos"} and "zh-CN" not in comparison.conditions["clean"]
    notes = " ".join(comparison.notes)
    for expected in ("this leaves out 0", "40 of", "attacked by other attacks", "different labels", "has 2 languages"):
        assert expected in notes
    write_report(report, tmp_path / "out")


def test_equal_ids_of_other_texts_are_not_paired(run, tmp_path):
    other = write_run(tmp_path / "other", name="other")
    rewrite(other, lambda frame: frame.assign(text=frame["text"] + " now"))
    (comparison,) = build_report([run, other]).comparisons
    assert not comparison.conditions
    assert any("no examples in common" in note for note in comparison.notes)


def test_says_where_results_and_predictions_disagree(tmp_path):
    folder = write_run(tmp_path / "run", figures={"test/acc/de": 0.5, "test/acc/en": None}, data={})
    text = printed([folder])
    assert "disagree on test/acc/de (0.5000, but 0.8000" in text and "intents" not in text and "F1" not in text


def test_split_and_sort(run):
    seen = build_report([run], split="test_seen").summaries[0]
    assert seen.languages == ["en"] and "avg" not in seen.conditions["clean"]
    # Ten of ten right, but in five groups: Wilson's interval for 5 of 5.
    assert seen.conditions["clean"]["en"][:3] == pytest.approx((1, 0.5655, 1), abs=1e-4)
    assert "en" in printed(build_report([run], split="test_seen"))
    assert build_report([run], sort="name").languages == ["en", "de", "zh-CN"]
    assert build_report([run], sort="clean").languages == ["en", "de", "zh-CN"]
    with pytest.raises(ValueError, match="Expected argument `sort`"):
        build_report([run], sort="mood")
    assert combinations(["en>en"], "en") == {"avg": {"en>en": 1.0}, "avg_all": {"en>en": 1.0}}


def test_command(run, tmp_path, capsys):
    main([str(run), "--output", str(tmp_path / "out"), "--sort", "worst"])
    lines = capsys.readouterr().out.splitlines()
    names = ("report.md", "report.csv", "heatmap.png", "attacked.html")
    assert lines[-4:] == [str(tmp_path / "out" / name) for name in names]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "results.json").unlink(), "results.json: not found; is"),
        (lambda run: (run / "results.json").write_text("{"), "not valid JSON"),
        (lambda run: (run / "results.json").write_text("[]"), "results.json"),
        (lambda run: (run / "results.json").write_bytes(b"\xff\xfe"), "results.json"),
        (lambda run: (run / "results.json").write_text('{"schema": 2}'), "schema 2, but this version reads schema 1"),
        (lambda run: (run / "results.json").write_text('{"schema": 1}'), "expected 'name' to be a str"),
        (lambda run: (run / "predictions.parquet").unlink(), "predictions.parquet: not found; is"),
        (lambda run: (run / "predictions.parquet").write_text("x"), "not a readable Parquet file"),
        (lambda run: rewrite(run, lambda frame: frame.drop(columns="label")), "expected columns label, but got id"),
        (lambda run: rewrite(run, lambda frame: frame.assign(prediction=None)), "column prediction to be filled"),
        (lambda run: rewrite(run, lambda frame: pd.concat([frame, frame])), "one row an example and attack"),
        (lambda run: rewrite(run, lambda frame: frame.head(0)), "holds no predictions"),
        (
            lambda run: rewrite(run, lambda frame: frame[frame["split"] != "test"]),
            "no split 'test'; there is test_seen",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, spoil, message):
    run = write_run(tmp_path / "run")
    spoil(run)
    with pytest.raises(UserError) as refused:
        main([str(run)])
    said = str(refused.value)
    assert said.startswith(str(run)) and message in said and "\n" not in said
    assert capsys.readouterr() == ("", "")
    assert not (run / "report").exists()


def test_output_that_is_no_folder(run):
    with pytest.raises(UserError, match="cannot be made a folder"):
        write_report([run], run / "results.json")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from xltrobust.report.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print({'torch', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "--split" in done.stdout and done.stdout.endswith("set()\n")


def test_reports_never_import_torch(run):
    code = f"from xltrobust.report import *; write_report([{str(run)!r}]); import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_passes_stand_beside_accuracy(tmp_path):
    tokens = {"forwards_tokens": 300, "backwards_tokens": 200, "input_backwards_tokens": 100, "train_tokens": 100}
    task, pairs = {"task_steps": 1500, "task_examples": 48000}, {"visited": 90, "distinct": 40, "of": 1000}
    cost = tokens | task | {"plain_passes": 2.667}
    write_run(tmp_path / "cheap", passes=cost, pairs=pairs | {"hash": "0123456789abcdef"})
    write_run(tmp_path / "old", name="old")
    report = build_report([tmp_path / "cheap", tmp_path / "old"])
    overview = accuracy_tables(report)[0]
    assert overview.columns[1] == ("passes", "as plain")
    assert [row[:2] for row in overview.rows] == [["base", "2.67"], ["old", ""]]
    text = write_report([tmp_path / "cheap"]).markdown.read_text(encoding="utf8")
    costs = "3.00 forward, 2.00 backward, 1.00 input-only backward over the training set, worth 2.67 plain passes"
    assert f"| encoder passes | {costs} |" in text and "| task loss | 1,500 steps, 48,000 labelled examples |" in text
    assert "| pairs trained on | 40 of 1,000, in 90 visits (0123456789ab) |" in text
    assert "pairs trained on" not in write_report([tmp_path / "old"]).markdown.read_text(encoding="utf8")


def test_what_an_attack_did_otherwise_in_some_languages_is_a_note(tmp_path):
    caveats = {"typos": {"caveat": "no keyboard layout for zh-CN: |other| errors."}, "gone": {"caveat": "never said"}}
    folder = write_run(tmp_path / "run", attacks=("typos",))
    results = json.loads((folder / "results.json").read_text(encoding="utf8"))
    (folder / "results.json").write_text(json.dumps(results | {"attacks": caveats}), encoding="utf8")
    text = write_report([folder], tmp_path / "out").markdown.read_text(encoding="utf8")
    assert "typos: no keyboard layout for zh-CN: &#124;other&#124; errors." in text and "never said" not in text
