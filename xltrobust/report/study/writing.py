"""Writes the report of a study."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from xltrobust.errors import UserError
from xltrobust.files import atomic_write
from xltrobust.report.blocks import Chart
from xltrobust.report.markdown import to_markdown
from xltrobust.report.page.charts import as_png
from xltrobust.report.page.html import to_html
from xltrobust.report.study.contents import study_contents
from xltrobust.report.study.exports import csv_files, latex_tables
from xltrobust.report.study.load import StudyReport


class StudyPaths(NamedTuple):
    """The files of a written report.

    Args:
        page: ``report.html``.
        markdown: ``report.md``.
        pictures: the charts of the Markdown.
        tables: ``contrasts.csv``, ``accuracy.csv`` and ``tables.tex``.
    """

    page: Path
    markdown: Path
    pictures: list[Path]
    tables: list[Path]


def write_study(report: StudyReport, output: Path | None = None) -> StudyPaths:
    """Writes ``report.html``, ``report.md`` with its pictures, CSV and LaTeX, each whole or not at all.

    Args:
        report: of the study.
        output: folder, created if it does not exist; by default ``report`` in the study's.

    Raises:
        MissingPackage: if the extra ``report`` is not installed.
        UserError: if ``output`` cannot be made a folder.
    """
    folder = output or report.folder / "report"
    blocks = list(study_contents(report))
    page, markdown = to_html(blocks), to_markdown(blocks)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror}).") from None
    tables = csv_files(report) | {"tables.tex": latex_tables(report)}
    charts = [block for _, block in blocks if isinstance(block, Chart)]
    for chart in charts:
        with atomic_write(folder / chart.file) as temporary:
            temporary.write_bytes(as_png(chart))
    paths = StudyPaths(
        folder / "report.html", folder / "report.md", [folder / chart.file for chart in charts],
        [folder / name for name in tables],
    )  # fmt: skip
    texts = {paths.page: page, paths.markdown: markdown} | {folder / name: text for name, text in tables.items()}
    for path, text in texts.items():
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf8", newline="\n")
    return paths
