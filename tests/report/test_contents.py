"""A table or picture that is named in the contents stands in every renderer, and nowhere else need it be known."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import printed, write_run

from xltrobust.report import build_report, contents, write_report
from xltrobust.report.blocks import Block, Picture
from xltrobust.report.seeds import main as seeds
from xltrobust.report.summary import Report
from xltrobust.report.tables.base import Cell, Table


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [write_run(folder / name / "seed-0", name=name) for name in ("plain", "other")]


def longest_texts(report: Report) -> list[Table]:
    """The longest text of each run, as a table of one's own would count it."""
    rows: list[list[Cell]] = [
        [own.run.name, str(own.run.predictions["text"].str.len().max())] for own in report.summaries
    ]
    return [Table("Longest texts | <characters>", [("run", ""), ("longest", "characters")], rows)]


def test_a_table_is_one_line_in_the_contents(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = contents.REPORT
    monkeypatch.setattr(contents, "REPORT", (first, contents.Section(longest_texts), *rest))
    for given in (runs[:1], runs):
        report = build_report(given)
        shown, written = printed(report), write_report(report, given[0] / "out").markdown.read_text(encoding="utf8")
        assert written.splitlines()[2] == "## Longest texts &#124; &lt;characters&gt;"
        assert "| run | longest<br>characters |" in written and "| plain | 16 |" in written
        assert shown.startswith("Longest texts | <characters>\n") and "plain          16" in shown.splitlines()
        assert ("| other | 16 |" in written) == (len(given) == 2)


def test_a_section_may_be_for_one_place_and_of_each_run(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def one(report: Report, summary: object) -> list[Table]:
        return longest_texts(report)

    sections = (contents.Section(one, level=4, only="markdown"), *contents.EACH_RUN)
    monkeypatch.setattr(contents, "EACH_RUN", sections)
    report = build_report(runs)
    assert write_report(report, runs[0] / "out").markdown.read_text(encoding="utf8").count("#### Longest texts") == 2
    assert "Longest texts" not in printed(report)


def test_a_picture_is_drawn_into_the_folder(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dots(report: Report) -> list[Block]:
        return [Picture("A dot a run", "dots.png", lambda report, path: path.write_text("." * len(report.summaries)))]

    monkeypatch.setattr(contents, "REPORT", (*contents.REPORT, contents.Section(dots, only="markdown")))
    paths = write_report(runs, tmp_path / "out")
    assert paths.pictures[-1] == tmp_path / "out" / "dots.png" and paths.pictures[-1].read_text() == ".."
    assert "![A dot a run](dots.png)" in paths.markdown.read_text(encoding="utf8")
    # A terminal says that it shows none, instead of leaving it out.
    monkeypatch.setattr(contents, "REPORT", (*contents.REPORT, contents.Section(dots)))
    with pytest.raises(TypeError, match="shows no Picture: give its section only='markdown'"):
        printed(runs)


def test_a_table_of_methods(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def counted(comparison: contents.MethodComparison) -> list[Table]:
        return [
            Table("Seeds", [("method", ""), ("seeds", "")], [[m.name, str(len(m.runs))] for m in comparison.methods])
        ]

    monkeypatch.setattr(contents, "METHODS", (*contents.METHODS, contents.Section(counted)))
    seeds([str(run.parent) for run in runs])
    assert capsys.readouterr().out.endswith(
        "\n\n## Seeds\n\n| method | seeds |\n| --- | --: |\n| plain | 1 |\n| other | 1 |\n"
    )
