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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from xltrobust.command import run_command
from xltrobust.errors import UserError
from xltrobust.files import held_alone
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import code_hash
from xltrobust.runs.stopping import stopped_in_one_line
from xltrobust.study.attempt import ELSEWHERE
from xltrobust.study.states import State, code_here, read_record, state_of, write_record

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
        with _alone(given.run):
            _make(RunFolder(given.run), drop_checkpoints=given.drop_checkpoints)
    except BlockingIOError as error:
        print(error, file=sys.stderr)
        raise SystemExit(ELSEWHERE) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(held_alone(folder, "cell", 0))
        except BlockingIOError:
            print(f"{folder}: another process is at work here; this one waits", flush=True)
            stack.enter_context(held_alone(folder, "cell", _PATIENCE))
        yield


def _make(run: RunFolder, *, drop_checkpoints: bool) -> None:
    before, record = state_of(run), read_record(run)
    if before is not State.DONE:
        # A run that left no checkpoint begins anew, by the code of now.
        again = before is State.BEGUN
        code = record.get("code") if again else None
        write_record(run, code=code or code_here(), attempts=record.get("attempts", 0) + 1 if again else 1)
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
