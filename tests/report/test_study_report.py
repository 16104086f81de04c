"""The report of a study: what it says is what the statistics are, and nothing from outside is markup."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from report_studies import ARMS, EVIL_NAME, PLAN, write_study_of_arms

from xltrobust.errors import UserError
from xltrobust.report.__main__ import main
from xltrobust.report.blocks import Chart
from xltrobust.report.budget_curve import BudgetCurve
from xltrobust.report.page.charts import as_png
from xltrobust.report.study.answer import answer, difference
from xltrobust.report.study.costs import alignment, costs
from xltrobust.report.study.languages import accuracy_table, worst_languages
from xltrobust.report.study.load import StudyReport, load_study
from xltrobust.report.study.predictions import Found, budgets
from xltrobust.report.tables.base import Table, percent
from xltrobust.statistics.contrasts import primary_contrasts

pytest.importorskip("altair")
pytest.importorskip("vl_convert")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study_of_arms(tmp_path_factory.mktemp("study") / "<b>study")
    departures = (
        "# Fewer seeds\n\n<img src=x onerror=alert(1)> ![x](http://example.org/x.png) [y](javascript:alert(1))\n"
    )
    (folder / "departures.md").write_text(departures, encoding="utf8")
    main([str(folder), "--no-model"])
    return folder


@pytest.fixture(scope="module")
def report(study: Path) -> StudyReport:
    return load_study(study, model=False)


def test_the_page_loads_nothing_and_holds_no_markup_from_outside(study: Path) -> None:
    page = (study / "report" / "report.html").read_text(encoding="utf8")
    found = Elements(page)
    kinds = [name for name, _ in found.elements]
    assert kinds.count("script") == 1 and "img" not in kinds and kinds.count("main") == 1 and "b" not in kinds
    for name, attributes in found.elements:
        assert not any(key.startswith("on") or key in ("src", "srcset", "data") for key in attributes), name
        for key in attributes.keys() & {"href", "xlink:href"}:
            assert str(attributes[key]).startswith(("#", "http://example.org/"))  # the departures link there
    assert "default-src 'none'" in page and "\u202e" not in page and len(page.encode()) < 5_000_000
    text = "".join(found.texts)
    assert EVIL_NAME[:40] in text and "<img src=x onerror=alert(1)>" in text and "Fewer seeds" in text


def test_the_page_says_what_the_statistics_are(study: Path, report: StudyReport) -> None:
    text = "".join(Elements((study / "report" / "report.html").read_text(encoding="utf8")).texts)
    markdown = (study / "report" / "report.md").read_text(encoding="utf8")
    assert report.tested == ["clean", "typos"]
    for condition in report.tested:
        for own in primary_contrasts(report.examples, condition, best="W-A", baseline="plain", model=False):
            assert text.count(difference(own)) >= 2 and difference(own) in html.unescape(markdown)
    assert all(re.sub("\u202e", "⟨U+202E⟩", each) in text for each in answer(report))
    assert {run.name for runs in report.runs.values() for run in runs} <= set(re.split(r"\s+", text))
    for picture in re.findall(r"\]\(([\w-]+\.png)\)", markdown):
        assert (study / "report" / picture).read_bytes().startswith(b"\x89PNG")


def test_every_language_arm_and_condition_has_its_accuracy(study: Path, report: StudyReport) -> None:
    table = accuracy_table(report)
    rows = report.examples.table[report.examples.table["language"] != "en"]
    means = rows.groupby(["language", "condition", "cell"], observed=True)["correct"].mean()
    found = {(row[0], row[1], cell): row[2 + at] for row in table.rows for at, cell in enumerate(report.cells)}
    assert found == {key: percent(value) for key, value in means.items()} and len(found) == 2 * 2 * 5
    page = (study / "report" / "report.html").read_text(encoding="utf8")
    assert page.count('<td lang="ar">') >= 2 and '<p dir="auto">' in page and "<ins>" in page
    worst = next(row for row in worst_languages(report) if row.title.startswith("The lowest")).rows[0]  # type: ignore[union-attr]
    assert worst[2] == f"ar {found['ar', 'clean', 'plain']}"  # right in fewer than de


def test_cost_alignment_and_budgets_are_drawn_where_runs_recorded_them(tmp_path: Path) -> None:
    figures = {"test/retrieval/de": 0.5, "test/retrieval/ar": 0.25}
    folder = write_study_of_arms(
        tmp_path / "study", ARMS[:2], plan={}, passes={"plain_passes": 5.0}, figures=figures
    )  # fmt: skip
    report = load_study(folder, model=False)
    points, gains = costs(report)
    assert isinstance(points, Chart) and isinstance(gains, Table) and "plain" in gains.title
    (contrast,) = (own for own in report.contrasts[0] if own.condition == "clean")
    assert gains.rows[0] == ["W-A", "clean", "5.00", difference(contrast)]
    drawn, aligned = alignment(report)
    assert isinstance(drawn, Chart) and isinstance(aligned, Table) and aligned.rows[0][:3] == ["plain", "clean", "37.5"]
    found = Found({"typos": {"plain": [BudgetCurve(np.array([1.0, 8.0]), {"avg": np.array([0.5, 0.25])})] * 2}})
    chart, table = budgets(found)
    assert isinstance(chart, Chart) and isinstance(table, Table) and as_png(chart).startswith(b"\x89PNG")
    assert table.rows[0][2] == "50.0 (≤ 1)" and table.rows[0][-1] == "25.0 (≤ 8)"


def test_tables_for_other_programs_hold_the_same(study: Path, report: StudyReport) -> None:
    contrasts = pd.read_csv(study / "report" / "contrasts.csv")
    assert contrasts["difference"].tolist() == pytest.approx([own.value for own in report.contrasts[0]])
    assert (contrasts["interval_low"] <= contrasts["difference"]).all() and "welch_high" in contrasts
    accuracy = pd.read_csv(study / "report" / "accuracy.csv", dtype={"run": str})
    means = accuracy[accuracy["condition"] == "clean"].groupby(["cell", "seed"])["accuracy"].mean()
    counts = report.counts["clean"]
    assert [means[run] for run in counts.runs if "\u202e" not in run[0]] == pytest.approx(counts.means[:8].tolist())
    latex = (study / "report" / "tables.tex").read_text(encoding="utf8")
    assert latex.count(r"\begin{tabular}") == latex.count(r"\bottomrule") == 2 and r"$-$" in latex
    assert latex.count(r"<script>document.title='broken in'</script> \& ") >= 1 and ' & "quoted' not in latex
    assert not set("\u202e−±") & set(latex)


def test_keyboards_and_screen_readers_find_their_way(study: Path) -> None:
    found = Elements((study / "report" / "report.html").read_text(encoding="utf8"))
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) and ("html", {"lang": "en"}) in found.elements
    for _, attributes in found.elements:
        if str(attributes.get("href", "")).startswith("#"):
            assert str(attributes["href"])[1:] in ids
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0" and attributes["role"] == "region" and attributes["aria-label"]
        if attributes.get("role") == "img":
            assert attributes["aria-label"]
    headers = [attributes for name, attributes in found.elements if name == "th"]
    assert headers and all(attributes.get("scope") in ("col", "row") for attributes in headers)
    levels = [int(name[1]) for name, _ in found.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_an_unfinished_study_is_reported_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = write_study_of_arms(tmp_path / "study", arms=ARMS[:3], seeds=1)
    cells = json.loads((folder / "cells.json").read_text(encoding="utf8"))
    cells["cells"] |= {name: {"levels": {"arm": name}, "seed": 0, "stages": []} for name in ARMS[3:]}
    (folder / "cells.json").write_text(json.dumps(cells), encoding="utf8")
    own = load_study(folder, model=False)
    assert own.unfinished == 2 and own.cells == list(ARMS[:3])
    assert answer(own) and all(each.startswith("No contrast ") and "run" in each for each in answer(own))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"best": "W-B"}, "no cell 'W-B' in the study; there are plain, "),
        ({"granularity": {"words": ["W-A"]}}, "report.granularity: expected lists of cells for word and sentence"),
        ({"mechanism": {"augmentation": ["W-A", "W-A"]}}, "report.mechanism: cell 'W-A' is named twice"),
        ({"basline": "plain"}, "report: expected question, baseline, .* but got 'basline'"),
        ({"conditions": "clean"}, "report.conditions: expected names, but got 'clean'"),
        ({"question": 1}, "report.question: expected text, but got 1"),
    ],
)
def test_a_wrong_plan_is_named(study: Path, tmp_path: Path, change: dict, said: str) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump({"report": PLAN | change}), encoding="utf8")
    with pytest.raises(UserError, match=said):
        load_study(study, plan=plan)


def test_options_of_runs_and_of_studies_are_told_apart(study: Path) -> None:
    with pytest.raises(UserError, match="a study is reported by itself"):
        main([str(study), "--sort", "name"])
    with pytest.raises(UserError, match="are of the report of a study"):
        main([str(study / "runs" / "00"), "--no-model"])
