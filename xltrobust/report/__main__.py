"""``python -m xltrobust.report RUN [RUN …]``: Report a run, compare runs with the first, or report a study."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xltrobust.command import run_command, user_errors
from xltrobust.errors import OneLineParser
from xltrobust.report import build_report, print_report, write_report
from xltrobust.runs.study_cells import CELLS


def main(arguments: Sequence[str]) -> None:
    """Writes the report of a run, or of several compared with the first, and prints it.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust report", description=__doc__.split(":", 1)[1].strip())
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run, or of a study")
    parser.add_argument(
        "--output", metavar="DIR", help="where report.md, report.csv, pictures and pages go (default: RUN/report; "
        "./report for several runs)"
    )  # fmt: skip
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    parser.add_argument(
        "--sort", default="run", choices=("run", "name", "clean", "robust", "worst"), help="order of the languages: as "
        "in the run, by name, or by clean, robust or worst-case accuracy (default: %(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--attacks", metavar="NAME,NAME", type=lambda names: names.split(","), help="report these attacks only; "
        "`worst` is then under these, in the languages that all of them cover (default: all)"
    )  # fmt: skip
    add = parser.add_argument_group("of a study").add_argument
    add("--stage", action="append", default=[], metavar="NAME", help="cells of this stage only; may be given several "
        "times")  # fmt: skip
    add("--plan", metavar="FILE", type=Path, help="a YAML file whose part `report` says what the study asks, in place "
        "of that in the study's file")  # fmt: skip
    add("--no-model", action="store_true", help="without the logistic mixed model, which takes long for many runs")
    given = parser.parse_args(list(arguments))
    if (Path(given.runs[0]) / CELLS).exists():
        with user_errors(OSError):
            _report_study(parser, given)
        return
    if given.stage or given.plan or given.no_model:
        parser.error("--stage, --plan and --no-model are of the report of a study")
    with user_errors(OSError):
        report = build_report(given.runs, split=given.split, sort=given.sort, attacks=given.attacks)
        # Written first: `| head` may end the process while it prints.
        paths = write_report(report, given.output)
        print_report(report)
        print(paths.markdown, paths.csv, *paths.pictures, *paths.pages, sep="\n")


def _report_study(parser: OneLineParser, given: argparse.Namespace) -> None:
    from xltrobust.report.study.load import load_study
    from xltrobust.report.study.writing import write_study

    if len(given.runs) > 1 or given.attacks or given.sort != parser.get_default("sort"):
        parser.error("a study is reported by itself, without --attacks and --sort")
    report = load_study(
        Path(given.runs[0]), split=given.split, plan=given.plan, stages=given.stage, model=not given.no_model
    )
    paths = write_study(report, Path(given.output) if given.output else None)
    print(*dict.fromkeys([paths.page, paths.markdown, *paths.tables, *paths.pictures]), sep="\n")


def command() -> None:
    """The shell's entry point."""
    run_command("report", main)


if __name__ == "__main__":
    command()
