"""``xltrobust COMMAND …``, or ``python -m xltrobust COMMAND …``: the commands by their names."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence

from xltrobust.command import run_command
from xltrobust.errors import OneLineParser

# Each is a module; what it does, in a line. Nothing heavy is imported before one is chosen.
COMMANDS = {
    "fit": ("xltrobust.fit", "train in the source language, test in all, clean and attacked"),
    "attack": ("xltrobust.attack", "attack a finished run, or any classifier of transformers"),
    "validate": ("xltrobust.validate", "can another model still read the texts that attacks found?"),
    "predict": ("xltrobust.predict", "classify new text with a run's model"),
    "export": ("xltrobust.export", "write a run's model for transformers or sentence-transformers"),
    "report": ("xltrobust.report", "tables and pictures of a run, or of runs compared with the first"),
    "seeds": ("xltrobust.report.seeds", "compare methods over seeds"),
    "study": ("xltrobust.study", "make the runs of a grid of factors and seeds, and join their results"),
    "average": ("xltrobust.average", "the mean of the weights of runs of different seeds, tested like a run"),
    "augment": ("xltrobust.augment", "perturbed copies of a text file, or of a column"),
    "list": ("xltrobust.catalogue", "attacks, perturbations, regularizers, tasks … that can be named"),
}


def main() -> None:
    """Runs the command that the shell's first argument names, as ``python -m`` with its module does."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        run(sys.argv[1], sys.argv[2:])
    else:
        run_command("xltrobust", _say_what_there_is)


def run(command: str, arguments: list[str]) -> None:
    """Runs a command's module in this process, as its main module.

    Lightning starts the processes of further devices by the main module's name and the arguments.
    """
    sys.argv[1:] = arguments
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # where `python -m` finds the user's own modules too
    runpy.run_module(COMMANDS[command][0], run_name="__main__", alter_sys=True)


def _say_what_there_is(arguments: Sequence[str]) -> None:
    parser = OneLineParser(
        prog="xltrobust", description="How robust is a multilingual model away from English? "
        "`xltrobust COMMAND --help` tells a command's options."
    )  # fmt: skip
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (_, what) in COMMANDS.items():
        commands.add_parser(name, help=what)
    parser.parse_args(list(arguments[:1]) or ["--help"])


if __name__ == "__main__":
    main()
