"""One attempt at a cell: what every engine has a machine do. It starts a process, which calls ``fit``, and waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

DONE, FAILED, ELSEWHERE = 0, 2, 75  # exit codes; as sysexits.h has it, 75 is to be tried again later
STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT)


@dataclass(frozen=True)
class Task:
    """What the process of a cell is told; plain values, so that it can be sent to another machine.

    Args:
        cell: its name.
        run: its folder, which holds ``config.yaml``.
        log: the file that takes what it prints, after what is there.
        code: the hash of the source that it has to be made by; None takes any.
        keep_checkpoints: whether the weights stay once the cell is done.
        folder: where to start the process, as paths of a configuration are relative to it.
        environment: variables on top of those of the machine.
    """

    cell: str
    run: Path
    log: Path
    code: str | None = None
    keep_checkpoints: bool = True
    folder: Path = field(default_factory=Path.cwd)
    environment: Mapping[str, str] = field(default_factory=dict)


def start(task: Task) -> subprocess.Popen[bytes]:
    """Starts the process of a cell. It stops, so that it can be resumed, if this process dies or closes its input."""
    task.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "xltrobust.study.one_cell", str(task.run)]
    command += [] if task.code is None else ["--code", task.code]
    command += [] if task.keep_checkpoints else ["--drop-checkpoints"]
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | dict(task.environment)
    with task.log.open("ab") as log:
        log.write(f"\n== {datetime.now():%Y-%m-%d %H:%M:%S} {' '.join(command[1:])}\n".encode())
        log.flush()
        return subprocess.Popen(
            command,
            cwd=task.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the study alone, which then stops its cells
        )


def stop(process: subprocess.Popen[bytes], patience: float = 60) -> None:
    """Stops a cell so that it can be resumed, and kills it if it has not ended after some seconds."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def attempt(task: Task) -> int:
    """Makes a cell and waits for it.

    Returns:
        The exit code of its process.
    """
    process = start(task)
    try:
        return process.wait()
    except BaseException:
        stop(process)
        raise


def last_line(log: Path) -> str:
    """The last thing that a cell said; for a table, and for the reason why it failed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
            lines = file.read().decode("utf8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
