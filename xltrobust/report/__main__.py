"""``python -m xltrobust.report RUN [RUN …]``: Report a run, or compare runs with the first."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.command import run_command, user_errors
from xltrobust.errors import OneLineParser
from xltrobust.report import build_report, print_report, write_report


def main(arguments: Sequence[str]) -> None:
    """Writes the report of a run, or of several compared with the first, and prints it.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust report", description=__doc__.split(":", 1)[1].strip())
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run")
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
    given = parser.parse_args(list(arguments))
    with user_errors(OSError):
        report = build_report(given.runs, split=given.split, sort=given.sort, attacks=given.attacks)
        # Written first: `| head` may end the process while it prints.
        paths = write_report(report, given.output)
        print_report(report)
        print(paths.markdown, paths.csv, *paths.pictures, *paths.pages, sep="\n")


def command() -> None:
    """The shell's entry point."""
    run_command("report", main)


if __name__ == "__main__":
    command()
