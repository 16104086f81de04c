import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_runs import printed

from xltrobust.report import build_report, write_report
from xltrobust.report.__main__ import main
from xltrobust.report.attack_costs import Costs, refusals
from xltrobust.report.budget_curve import _coverage, budget_curve, budget_curves, draw_curves, has_curves
from xltrobust.report.tables.costs import cost_tables, language_costs, refusal_lines, side_costs

NEW = ["backwards", "broken_at", "changed", "words_changed", "characters_changed", "similarity"]
# What became of an example: wrong to begin with, nothing to change, unbroken, or broken, with what it cost.
WRONG, UNTOUCHED = (False, 1, 0, None, None), (True, 1, 0, None, None)


def held(queries, backwards=0):
    return (True, queries, backwards, None, 0.9)


def broken(queries, broken_at, words=0.5, backwards=0, similarity=None):
    return (False, queries, backwards, broken_at, words, similarity)


FATES = {
    # 4 of 5 were right, 2 of 4 broken: at 3 and 4 passes.
    "en": [WRONG, UNTOUCHED, held(7), broken(2, 3, 0.25, 1), broken(4, 4, 0.75)],
    # 3 of 4 were right, 2 of 3 broken: at 2 and 8.
    "de": [WRONG, held(10, 2), broken(2, 2, 0.2, similarity=0.5), broken(6, 8, 0.4, 2, similarity=0.9)],
    # 2 of 2 were right, none broken.
    "fr": [held(3), held(5)],
    # None of 3 was right.
    "sw": [WRONG] * 3,
}


def row(language, i, attack, fate, pair=None):
    right, queries, backwards, broken_at, words, similarity = (*fate, None)[:6]
    label, tried = i % 2, words is not None
    return {
        "id": f"{i}", "group": f"{language}/{i}", "split": "test", "language": language, "label": label,
        "prediction": label if right else 1 - label, "attack": attack, "text": f"text {i}", "text_pair": pair,
        "adversarial_text": f"txet {i}" if tried else None, "adversarial_text_pair": pair if tried else None,
        "queries": queries if attack else None, "backwards": backwards if attack else None, "broken_at": broken_at,
        "changed": "text" if tried else None, "words_changed": words, "characters_changed": words and words / 10,
        "similarity": similarity,
    }  # fmt: skip


def write_run(folder, fates, *, clean=True, old=False, pair=None, **results):
    """``fates``: of the examples, by attack and language."""
    folder.mkdir(parents=True)
    first = {name: own for by_language in reversed(fates.values()) for name, own in by_language.items()}
    languages = list(dict.fromkeys(name for by_language in fates.values() for name in by_language))
    rows = [
        row(name, i, None, WRONG if fate == WRONG else UNTOUCHED, pair)
        for name in languages
        for i, fate in enumerate(first[name])
        if clean
    ]
    for attack, by_language in fates.items():
        rows += [row(name, i, attack, fate, pair) for name, own in by_language.items() for i, fate in enumerate(own)]
    frame = pd.DataFrame(rows)
    frame.drop(columns=NEW if old else []).to_parquet(folder / "predictions.parquet")
    default = {"schema": 1, "name": folder.name, "source": "en", "languages": languages, "figures": {}}
    (folder / "results.json").write_text(json.dumps(default | results))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    attacks = {"typos": {"recipe": None, "refused": {"Max<Words>": 1200, "Stop|words": 3, "Never": 0}}}
    return write_run(tmp_path_factory.mktemp("runs") / "base", {"typos": FATES}, attacks=attacks)


@pytest.fixture(scope="module")
def summary(run):
    return build_report([run]).summaries[0]


def test_costs_are_those_computed_by_hand(summary):
    costs = summary.costs["typos"]
    assert list(costs) == ["en", "de", "fr", "sw", "avg"]
    assert {name: own.attacked for name, own in costs.items()} == {"en": 4, "de": 3, "fr": 2, "sw": 0, "avg": 5}
    assert costs["sw"] == Costs(0)
    success = {name: own.success.value for name, own in costs.items() if own.success}
    assert success == pytest.approx({"en": 1 / 2, "de": 2 / 3, "fr": 0, "avg": 1 / 3})
    assert (costs["avg"].success.examples, costs["de"].success.examples) == (5, 3)
    assert all(own.success.low <= own.success.value <= own.success.high for own in costs.values() if own.success)
    # The mean over the targets with a value: nothing was broken in fr, nothing was attacked in sw.
    expected = {
        "en": {"queries": (14 / 4, 4), "backwards": (1 / 4, 4), "words_changed": (0.5, 2)},
        "de": {"queries": (18 / 3, 3), "backwards": (4 / 3, 3), "words_changed": (0.3, 2), "similarity": (0.7, 2)},
        "fr": {"queries": (4, 2), "backwards": (0, 2)},
        "avg": {"queries": (5, 5), "backwards": (2 / 3, 5), "words_changed": (0.3, 2), "similarity": (0.7, 2)},
    }
    for name, means in expected.items():
        if "words_changed" in means:
            value, number = means["words_changed"]
            means |= {"characters_changed": (value / 10, number)}
        assert costs[name].means.keys() == means.keys()
        for key, mean in means.items():
            assert costs[name].means[key] == pytest.approx(mean), (name, key)


def test_curve_is_that_computed_by_hand(summary):
    curve = budget_curves(summary)["typos"]
    # 12: what the unbroken example of de cost.
    assert curve.budgets.tolist() == [1, 2, 3, 4, 8, 12]
    expected = {
        "en": [4 / 5, 4 / 5, 3 / 5, 2 / 5, 2 / 5, 2 / 5], "de": [3 / 4, 2 / 4, 2 / 4, 2 / 4, 1 / 4, 1 / 4],
        "fr": [1] * 6, "sw": [0] * 6,
    }  # fmt: skip
    expected["avg"] = np.mean([expected[name] for name in ("de", "fr", "sw")], axis=0)
    assert curve.accuracy.keys() == expected.keys()
    for name, values in expected.items():
        assert curve.accuracy[name] == pytest.approx(values), name
    assert curve.falls


def test_curves_fall_from_clean_to_adversarial_accuracy(tmp_path):
    rng = np.random.default_rng(0)

    def fate():
        if rng.random() < 0.3:
            return WRONG
        at = int(rng.geometric(0.05)) + 1
        return broken(at + 2, at, backwards=1) if rng.random() < 0.6 else held(40)

    fates = {name: [fate() for _ in range(60)] for name in ("en", "de", "fr")}
    summary = build_report([write_run(tmp_path / "run", {"typos": fates})]).summaries[0]
    curve = budget_curves(summary)["typos"]
    for name, values in curve.accuracy.items():
        assert (np.diff(values) <= 0).all() and values.shape == curve.budgets.shape
        ends = [summary.conditions[condition][name].value for condition in ("clean", "typos")]
        assert values[[0, -1]] == pytest.approx(ends), name
    # At any budget, by counting one example after the other.
    rows = summary.run.predictions
    own = rows[(rows["attack"] == "typos") & (rows["language"] == "de")]
    for at, value in zip(curve.budgets, curve.accuracy["de"], strict=True):
        right = [fate == held(40) or (fate != WRONG and fate[3] > at) for fate in fates["de"]]
        assert value == pytest.approx(sum(right) / len(own))


def test_markdown(run, tmp_path):
    paths = write_report([run], tmp_path / "out")
    text = paths.markdown.read_text(encoding="utf8")
    lines = text.splitlines()
    start = lines.index("## base: what the attacks cost, shares in %, test")
    header, line = (lines[start + i].strip("| ").split(" | ") for i in (2, 4))
    cells = dict(zip(header, line, strict=True))
    assert cells["attack"] == "typos" and cells["attacked<br>avg / source"] == "5 / 4"
    assert cells["success<br>avg"].startswith("33.3 [") and cells["success<br>source"].startswith("50.0 [")
    values = {name.split("<br>")[0]: cell for name, cell in cells.items() if name.endswith("<br>avg / source")}
    assert values == {
        "attacked": "5 / 4", "queries": "5.0 / 3.5", "backwards": "0.7 / 0.2", "words changed": "30.0 / 50.0",
        "characters changed": "3.0 / 5.0", "similarity": "0.700 / –",
    }  # fmt: skip
    # By language: success and queries, nothing where nothing was attacked.
    below = lines[lines.index("### base: success in % and queries by language") + 2 :]
    rows = {line.split(" | ")[0].strip("| "): line for line in below[: below.index("")]}
    assert rows["de"].startswith("| de | 66.7 [") and rows["de"].endswith("| 6.0 |") and rows["sw"] == "| sw |  |  |"
    assert rows["**avg (targets)**"].endswith("| **5.0** |")
    refused = "- typos: sets of edits refused by constraint: Max&lt;Words&gt; 1,200, Stop&#124;words 3"
    assert refused in lines and "Never" not in text
    assert "![Accuracy under attack by budget](budget.png)" in lines
    assert "typos had nothing to break in sw: no example was right before the attack." in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block
    assert "sides changed" not in text


def test_terminal(run):
    text = printed([run])
    assert max(map(len, text.splitlines())) <= 120 and "base: what the attacks cost" in text
    assert "typos: sets of edits refused by constraint: Max<Words> 1,200, Stop|words 3" in text
    for expected in ("5 / 4", "30.0 / 50.0", "0.700 / –", "means over attacked examples"):
        assert expected in " ".join(text.split())
    narrow = printed([run], width=60)
    assert max(map(len, narrow.splitlines())) <= 60 and "30.0 / 50.0" in narrow and "…" not in narrow


def test_csv(run, tmp_path):
    frame = pd.read_csv(write_report([run], tmp_path / "out").csv)
    assert list(frame) == ["run", "split", "language", "condition", "metric", "value", "low", "high", "n"]
    keys = ["language", "condition", "metric"]
    assert not frame.duplicated(["run", "split", *keys]).any()
    own = frame[frame["condition"] == "typos"].set_index(["language", "metric"])
    assert tuple(own.loc[("sw", "attacked"), ["value", "n"]]) == (0, 3) and ("avg", "attacked") not in own.index
    assert tuple(own.loc[("avg", "attack_success"), ["value", "n"]]) == pytest.approx((1 / 3, 5))
    assert own.loc[("de", "attack_success"), ["low", "high"]].notna().all()
    assert tuple(own.loc[("avg", "queries"), ["value", "n"]]) == (5, 5)
    assert tuple(own.loc[("de", "similarity"), ["value", "n"]]) == pytest.approx((0.7, 2))
    assert own.loc[("all", "refused:Max<Words>"), "value"] == 1200
    assert ("fr", "words_changed") not in own.index and ("sw", "attack_success") not in own.index


def test_picture(run, tmp_path):
    paths = write_report([run], tmp_path / "out")
    assert paths.pictures[1] == tmp_path / "out" / "budget.png"
    with Image.open(paths.pictures[1]) as picture:
        assert picture.format == "PNG" and min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1_000_000)) > 10
    assert sorted(path.name for path in paths.markdown.parent.iterdir()) == [
        "attacked.html", "budget.png", "heatmap.png", "report.csv", "report.md"
    ]  # fmt: skip


def test_command_names_the_picture(run, tmp_path, capsys):
    main([str(run), "--output", str(tmp_path / "out")])
    assert capsys.readouterr().out.splitlines()[-2] == str(tmp_path / "out" / "budget.png")


def test_old_files_lack_columns(tmp_path, capsys):
    old = write_run(tmp_path / "old", {"typos": FATES}, old=True)
    report = build_report([old])
    costs = report.summaries[0].costs["typos"]
    # Who was right before, success and queries do not need the new columns.
    assert {name: own.attacked for name, own in costs.items()} == {"en": 4, "de": 3, "fr": 2, "sw": 0, "avg": 5}
    assert costs["avg"].means == {"queries": (5, 5)}
    (table,) = cost_tables(report)
    assert [name for name, _ in table.columns] == ["attack", "attacked", "success", "success", "queries"]
    assert not has_curves(report) and refusal_lines(report.summaries[0]) == []
    main([str(old)])
    said = capsys.readouterr().out
    assert "None" not in said and not (old / "report" / "budget.png").exists()
    assert "budget.png" not in (old / "report" / "report.md").read_text()
    with pytest.raises(ValueError, match="recorded budgets"):
        draw_curves(report, tmp_path / "budget.png")


def test_files_of_before_queries_were_counted(tmp_path):
    folder = write_run(tmp_path / "older", {"typos": FATES}, old=True)
    path = folder / "predictions.parquet"
    pd.read_parquet(path).drop(columns="queries").to_parquet(path)
    (table,) = cost_tables(build_report([folder]))
    assert [name for name, _ in table.columns] == ["attack", "attacked", "success", "success"]
    assert len(write_report([folder]).pictures) == 1


def test_an_attack_that_broke_nothing(tmp_path):
    fates = {"en": [WRONG, held(4)], "de": [WRONG, held(4), held(4), UNTOUCHED]}
    report = build_report([write_run(tmp_path / "unbroken", {"typos": fates})])
    costs = report.summaries[0].costs["typos"]
    assert costs["avg"].success.value == 0 and costs["avg"].means == {"queries": (3, 3), "backwards": (0, 3)}
    curve = budget_curves(report.summaries[0])["typos"]
    assert curve.budgets.tolist() == [1, 4] and curve.accuracy["de"].tolist() == [0.75, 0.75]
    assert not has_curves(report) and len(write_report(report).pictures) == 1
    # Beside one that broke something, it is drawn flat.
    both = build_report([write_run(tmp_path / "both", {"typos": fates, "words": FATES})])
    assert has_curves(both) and write_report(both).pictures[1].exists()


def test_nothing_was_right_at_all(tmp_path):
    fates = {"en": [WRONG, WRONG], "de": [WRONG, WRONG]}
    report = build_report([write_run(tmp_path / "hopeless", {"typos": fates})])
    assert report.summaries[0].costs["typos"] == {name: Costs(0) for name in ("en", "de", "avg")}
    write_report(report)
    assert "0 / 0" in printed(report)


def test_pairs_by_side(tmp_path, summary):
    fates = {
        "en": [held(4), broken(4, 4)],
        "de": [broken(2, 2), broken(2, 2), broken(2, 2), broken(3, 2), held(5)],
        "fr": [broken(2, 2), WRONG],
    }
    folder = write_run(tmp_path / "pairs", {"typos": fates}, pair="a pair")
    path = folder / "predictions.parquet"
    frame = pd.read_parquet(path)
    frame["changed"] = frame["changed"].where(frame["changed"].isna() | (frame["id"] != "0"), "text_pair")
    frame.loc[(frame["language"] == "de") & (frame["id"] == "3") & frame["attack"].notna(), "changed"] = "both"
    frame.to_parquet(path)
    report = build_report([folder])
    pairs = report.summaries[0]
    names = ("changed_text", "changed_text_pair", "changed_both")
    shares = {name: [own.means[key].value for key in names] for name, own in pairs.costs["typos"].items()}
    assert shares["en"] == [1, 0, 0] and shares["de"] == [0.5, 0.25, 0.25] and shares["fr"] == [0, 1, 0]
    assert shares["avg"] == pytest.approx([0.25, 0.625, 0.125])
    (table,) = side_costs(report, pairs)
    assert [name for name, _ in table.columns] == ["attack", "text", "text_pair", "both"]
    assert table.rows == [["typos", "25.0 / 100.0", "62.5 / 0.0", "12.5 / 0.0"]]
    assert "### pairs: sides changed" in write_report([folder]).markdown.read_text()
    # Of single texts, the side says nothing.
    assert side_costs(report, summary) == []


def test_the_source_alone(tmp_path):
    report = build_report([write_run(tmp_path / "source", {"typos": {"en": FATES["en"]}})])
    assert list(report.summaries[0].costs["typos"]) == ["en"]
    (table,) = cost_tables(report)
    assert ("queries", "source") in table.columns and "3.5" in table.rows[0]
    assert ("success", "avg") not in table.columns
    assert language_costs(report, report.summaries[0])[0].summary == []
    assert list(budget_curves(report.summaries[0])["typos"].accuracy) == ["en"]
    assert write_report(report).pictures[1].exists()


def test_a_language_that_an_attack_does_not_cover(tmp_path):
    attacks = {"typos": FATES, "words": {name: FATES[name] for name in ("de", "fr")}}
    report = build_report([write_run(tmp_path / "run", attacks)])
    costs = report.summaries[0].costs
    assert "en" not in costs["words"] and costs["words"]["avg"] == pytest.approx(costs["typos"]["avg"])
    (table,) = cost_tables(report)
    assert table.rows[1][0] == "words" and "5 / –" in table.rows[1] and "–" in table.rows[1]
    assert list(budget_curves(report.summaries[0])["words"].accuracy) == ["de", "fr", "avg"]
    write_report(report)
    # Without clean predictions, the first attack need not have every language.
    write_report([write_run(tmp_path / "attacked", dict(reversed(attacks.items())), clean=False)])


def test_several_runs(run, tmp_path):
    other = write_run(tmp_path / "_$x$_|<b>", {"typos": FATES, "words": FATES})
    old = write_run(tmp_path / "old", {"typos": FATES}, old=True)
    report = build_report([run, other, old])
    (table,) = cost_tables(report)
    assert table.title == "What the attack typos costs: shares in %, test, on the examples that all runs share"
    assert [line[0] for line in table.rows] == ["base", "_$x$_|<b>", "old"]
    words = next(i for i, (name, _) in enumerate(table.columns) if name == "words changed")
    assert [line[words] for line in table.rows] == ["30.0 / 50.0", "30.0 / 50.0", "– / –"]
    paths = write_report(report, tmp_path / "out")
    text = paths.markdown.read_text(encoding="utf8")
    assert paths.pictures[1].exists() and "$" not in text and "|<b>" not in text
    for name in ("base", "&#95;&#36;x&#36;&#95;&#124;&lt;b&gt;", "old"):
        assert text.count(f"### {name}: what the attacks cost, shares in %, test") == 1
    assert "What the attack typos costs" in printed(report)


def test_curves_say_of_how_many_targets_their_average_is(tmp_path):
    attacks = {"typos": FATES, "words": {name: FATES[name] for name in ("en", "de")}, "swaps": {"en": FATES["en"]}}
    (summary,) = build_report([write_run(tmp_path / "run", attacks)]).summaries
    panels = [(summary, budget_curves(summary))]
    assert [_coverage(name, panels) for name in attacks] == ["", " (1 of 3)", ""]


def test_a_curve_needs_every_broken_example(summary):
    rows = summary.run.predictions
    rows = rows[rows["attack"] == "typos"]
    partly = rows.assign(broken_at=rows["broken_at"].where(rows["language"] != "de"))
    assert budget_curve(partly, summary.languages, "en") is None
    assert budget_curve(rows.head(0), summary.languages, "en") is None
    # What was spent may not be known: the curve then ends where the last example broke.
    unknown = budget_curve(rows.assign(queries=np.nan), summary.languages, "en")
    assert unknown.budgets.tolist() == [1, 2, 3, 4, 8]


@pytest.mark.parametrize(
    "results",
    [
        {}, {"attacks": None}, {"attacks": []}, {"attacks": {"typos": None}}, {"attacks": {"typos": {}}},
        {"attacks": {"typos": {"refused": None}}}, {"attacks": {"typos": {"refused": {"A": 0, "B": None, "C": "x"}}}},
        {"attacks": {"words": {"refused": {"A": 1}}}},
    ],
)  # fmt: skip
def test_no_refusals(results):
    assert refusals(results, "typos") == {}
