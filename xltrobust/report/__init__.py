"""Reports of finished runs: tables with confidence intervals, comparisons of runs, a heatmap, attacks' costs.

Everything comes from the runs' ``results.json`` and ``predictions.parquet``. The functions take run folders, or a
:class:`~xltrobust.report.summary.Report` that :func:`build_report` has made, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

# Heavy packages are imported where they are used: `--help` answers at once.
if TYPE_CHECKING:
    from rich.console import Console

    from xltrobust.report.summary import Report

    Runs: TypeAlias = Report | Sequence[str | PathLike[str]]


class ReportPaths(NamedTuple):
    """The files of a written report.

    Args:
        markdown: ``report.md``.
        csv: ``report.csv``.
        pictures: ``heatmap.png``, and ``budget.png`` where runs recorded at which budgets examples were broken.
        pages: ``attacked.html``, where there are attacked texts.
    """

    markdown: Path
    csv: Path
    pictures: list[Path]
    pages: list[Path]


def build_report(
    run_dirs: Sequence[str | PathLike[str]],
    *,
    split: str = "test",
    sort: str = "run",
    attacks: Sequence[str] | None = None,
) -> Report:
    """Reads runs and computes all intervals.

    Args:
        run_dirs: folders of finished runs; later ones are compared with the first.
        split: the test split.
        sort: order of the languages, the source always first: ``run`` (as in the run), ``name`` (alphabetical), or
            ``clean``, ``robust`` or ``worst`` (by that accuracy of the first run, best first).
        attacks: the attacks to report, over which ``worst`` is taken; None reports all.

    Raises:
        UserError: if a folder does not hold a finished run, or no run has one of ``attacks``.
    """
    from xltrobust.report.comparison import compare
    from xltrobust.report.load import only_attacks
    from xltrobust.report.summary import SORTS, Report, sort_languages, summarize
    from xltrobust.runs.finished import load_runs

    if not run_dirs:
        raise ValueError("Expected argument `run_dirs` to name a run, but got none.")
    if sort not in SORTS:
        raise ValueError(f"Expected argument `sort` to be one of {', '.join(SORTS)}, but got {sort!r}.")
    runs = load_runs([Path(path) for path in run_dirs])
    summaries = [summarize(run, split) for run in (runs if attacks is None else only_attacks(runs, attacks))]
    comparisons, common = compare(summaries) if len(summaries) > 1 else ([], [])
    return Report(split, sort_languages(summaries, sort), summaries, comparisons, common)


def print_report(runs: Runs, *, console: Console | None = None) -> None:
    """Prints the tables of a report, no wider than the terminal."""
    from xltrobust.report.contents import contents
    from xltrobust.report.terminal import print_blocks

    print_blocks(contents(_built(runs), "terminal"), console)


def write_report(runs: Runs, output: str | PathLike[str] | None = None) -> ReportPaths:
    """Writes ``report.md``, ``report.csv`` and the report's pictures and pages, each whole or not at all.

    Args:
        runs: folders of finished runs, or a report.
        output: folder, created if it does not exist. By default ``RUN/report`` for one run, ``report`` for several.

    Raises:
        UserError: if a folder does not hold a finished run, or ``output`` cannot be made a folder.
    """
    from xltrobust.errors import UserError
    from xltrobust.files import atomic_write
    from xltrobust.report.blocks import Page, Picture
    from xltrobust.report.contents import contents
    from xltrobust.report.markdown import to_markdown
    from xltrobust.report.tidy import to_csv, to_frame

    report = _built(runs)
    folder = Path(output or (report.summaries[0].run.path / "report" if report.single else "report"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made a folder ({error.strerror}).") from None
    blocks = list(contents(report, "markdown"))
    pictures = [block for _, block in blocks if isinstance(block, Picture)]
    for picture in pictures:
        with atomic_write(folder / picture.file) as temporary:
            picture.draw(report, temporary)
    pages = [block for _, block in blocks if isinstance(block, Page)]
    for page in pages:
        with atomic_write(folder / page.file) as temporary:
            page.write(report, temporary)
    paths = ReportPaths(
        folder / "report.md",
        folder / "report.csv",
        [folder / picture.file for picture in pictures],
        [folder / page.file for page in pages],
    )
    with atomic_write(paths.csv) as temporary:
        temporary.write_text(to_csv(to_frame(report)), encoding="utf8", newline="\n")
    with atomic_write(paths.markdown) as temporary:
        temporary.write_text(to_markdown(blocks), encoding="utf8")
    return paths


def _built(runs: Runs) -> Report:
    from xltrobust.report.summary import Report

    return runs if isinstance(runs, Report) else build_report(runs)
