"""``python -m xltrobust.study.one_cell RUN``: makes one cell of a study in this process, as ``fit`` does."""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from xltrobust.command import run_command
from xltrobust.errors import UserError
from xltrobust.files import held_alone
from xltrobust.reading import read_json
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import code_hash
from xltrobust.runs.stopping import stopped_in_one_line
from xltrobust.study.attempt import ELSEWHERE
from xltrobust.study.states import RECORD, State, code_here, made, write_record

_PATIENCE = 90  # seconds in which the process of a study that was killed stops, too


def main(arguments: Sequence[str]) -> None:
    """Makes a cell whose folder holds its configuration, or goes on with it.

    Raises:
        UserError: if the source has changed since the study began.
        SystemExit: as ``fit`` ends; or with the code ``ELSEWHERE`` if another process makes this cell.
    """
    parser = argparse.ArgumentParser(prog="xltrobust study")
    parser.add_argument("run", type=Path)
    parser.add_argument("--code")
    parser.add_argument("--drop-checkpoints", action="store_true")
    given = parser.parse_args(list(arguments))
    if given.code not in (None, code_hash()):
        raise UserError("the package's source has changed since the study was started: start the study again.")
    try:
        with held_alone(given.run, "cell", _PATIENCE):
            _make(RunFolder(given.run), drop_checkpoints=given.drop_checkpoints)
    except BlockingIOError as error:
        print(error, file=sys.stderr)
        raise SystemExit(ELSEWHERE) from None


def _make(run: RunFolder, *, drop_checkpoints: bool) -> None:
    before = made(run)
    if before.state is not State.DONE:
        attempts = read_json(run.path / RECORD).get("attempts", 0) if (run.path / RECORD).exists() else 0
        # A run that left no checkpoint begins anew, by the code of now.
        code = before.code if before.state is State.BEGUN and before.code else code_here()
        write_record(run, code=code, attempts=1 if before.state is State.NEW else attempts + 1)
        started = time.perf_counter()
        # As the main module, by whose name Lightning starts the processes of further devices.
        sys.argv[1:] = ["--config", str(run.config)]
        runpy.run_module("xltrobust.fit", run_name="__main__", alter_sys=True)
        write_record(run, seconds=round(time.perf_counter() - started, 1))
    if drop_checkpoints:
        shutil.rmtree(run.checkpoints, ignore_errors=True)


def _stop_when_alone() -> None:
    """Stops this process once whoever started it has died, or has closed its end of the pipe."""

    def watch() -> None:
        while os.read(0, 1024):  # sys.stdin would be locked when the process ends
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def command() -> None:
    """The entry point of a cell's process."""
    with stopped_in_one_line("study", "It goes on from its last checkpoint when the study does."):
        _stop_when_alone()
        run_command("study", main)


if __name__ == "__main__":
    command()
