"""``python -m xltrobust.report.seeds METHOD [METHOD …]``: Compare methods over seeds; a folder holds one run per seed.

The others are compared with the first method, seed by seed, on the examples that all methods have.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xltrobust.command import run_command, user_errors
from xltrobust.errors import OneLineParser, UserError
from xltrobust.files import atomic_write, check_folder
from xltrobust.report.contents import method_contents
from xltrobust.report.markdown import to_markdown
from xltrobust.report.methods import read_methods
from xltrobust.report.over_seeds import compare_methods
from xltrobust.report.placing import placed


def main(arguments: Sequence[str]) -> None:
    """Prints how methods compare over seeds.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust seeds", description=__doc__.split(":", 1)[1])
    parser.add_argument("methods", nargs="+", type=Path, metavar="METHOD", help="folder with one run per seed")
    parser.add_argument("--output", type=Path, help="write the tables to this Markdown file")
    parser.add_argument(
        "--place", type=Path, metavar="RUN", help="say instead where this run lies among those of the one METHOD"
    )
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    given = parser.parse_args(list(arguments))
    with user_errors(OSError):
        if given.output:
            check_folder(given.output.parent, "--output: the folder")
        if given.place is None:
            text = to_markdown(method_contents(compare_methods(read_methods(given.methods, given.split))))
        elif len(given.methods) == 1:
            text = "".join(f"{line}\n" for line in placed(given.place, given.methods[0], given.split))
        else:
            raise UserError("--place: name one METHOD, among whose runs the run is placed.")
        if given.output:
            with atomic_write(given.output) as temporary:
                temporary.write_text(text, encoding="utf8")
        print(text, end="")


def command() -> None:
    """The shell's entry point."""
    run_command("seeds", main)


if __name__ == "__main__":
    command()
