"""``python -m xltrobust.report RUN [RUN …]``: Report a run, or compare runs with the first."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.errors import OneLineParser, one_line_errors
from xltrobust.report import build_report, print_report, write_report


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = OneLineParser(prog="python -m xltrobust.report", description=__doc__.split(":", 1)[1].strip())
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run")
    parser.add_argument(
        "--output", metavar="DIR", help="where report.md, report.csv and the pictures go (default: RUN/report; "
        "./report for several runs)"
    )  # fmt: skip
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    parser.add_argument(
        "--sort", default="run", choices=("run", "name", "clean", "worst"), help="order of the languages: as in the "
        "run, by name, or by clean or worst-case accuracy (default: %(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--attacks", metavar="NAME,NAME", type=lambda names: names.split(","), help="report these attacks only; "
        "`worst` is then under these, in the languages that all of them cover (default: all)"
    )  # fmt: skip
    given = parser.parse_args(arguments)
    with one_line_errors("report", OSError):
        report = build_report(given.runs, split=given.split, sort=given.sort, attacks=given.attacks)
        # Written first: `| head` may end the process while it prints.
        paths = write_report(report, given.output)
        print_report(report)
        print(*filter(None, paths), sep="\n")


if __name__ == "__main__":
    main()
