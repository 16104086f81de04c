"""``python -m xltrobust.study --config FILE``: Make the runs of a study; those that are done are left as they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xltrobust.command import run_command
from xltrobust.errors import OneLineParser, at_least
from xltrobust.runs.stopping import stopped_in_one_line
from xltrobust.study.engines import ENGINES


def main(arguments: Sequence[str]) -> None:
    """Makes the cells of a study that are not done yet; or exports or imports cells.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line; and at the end if a cell has failed.
    """
    arguments = list(arguments)
    if arguments[:1] == ["export"]:
        from xltrobust.study.exporting import main as export

        export(arguments[1:])
    elif arguments[:1] == ["import"]:
        from xltrobust.study.joining import main as join

        join(arguments[1:])
    else:
        from xltrobust.study.making import make

        make(_parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="xltrobust study",
        description="Make the runs of a study; those that are done are left as they are. `xltrobust study export DIR` "
        "writes all their examples to one file, `xltrobust study import DIR OTHER` takes over runs made elsewhere.",
    )
    add = parser.add_argument
    add("--config", required=True, type=Path, metavar="FILE", help="the study's file")
    add("--folder", type=Path, metavar="DIR", help="the study's folder (default: runs/NAME)")
    add("--dry-run", action="store_true", help="list the cells, and how long they will take; make none")
    add(
        "--no-trials", action="store_true", help="make no short runs beforehand: what cells share is then prepared by "
        "the first, and times are told from finished cells alone"
    )  # fmt: skip
    add("--stage", action="append", default=[], metavar="NAME", help="this stage only; may be given several times")
    add(
        "--only", action="append", default=[], metavar="FACTOR=LEVEL", help="these cells only (FACTOR=A,B for several "
        "levels; seed=NUMBER too); may be given several times"
    )  # fmt: skip
    add("--max-cells", type=at_least(1), metavar="N", help="start no more than so many cells")
    add(
        "--until", metavar="HH:MM", help="start no cell after this time of day (the next one to come); cells that are "
        "under way are finished"
    )  # fmt: skip
    add("--accept-other-code", action="store_true", help="keep, and go on with, cells that other code has made")
    add("--engine", choices=ENGINES, default="local", help="where cells run (default: %(default)s)")
    add("--processes", type=at_least(1), metavar="N", help="cells at the same time (default: by cores and memory)")
    add("--threads", type=at_least(1), metavar="M", help="threads of each (default: the cores, shared among them)")
    add("--address", metavar="ADDRESS", help="ray: of a cluster (default: one on this machine)")
    add("--gpus", type=float, metavar="G", help="ray, slurm: GPUs of a cell (default: 0)")
    add("--partition", metavar="NAME", help="slurm: the partition")
    add("--time-limit", type=at_least(1), metavar="MINUTES", help="slurm: of a job (default: 720)")
    add("--memory", type=at_least(1), metavar="GB", help="slurm: of a job")
    return parser


def command() -> None:
    """The shell's entry point."""
    with stopped_in_one_line("study", "Cells that were under way can be resumed: run the same command again."):
        run_command("study", main)


if __name__ == "__main__":
    command()
