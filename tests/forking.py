"""A server process that has imported everything and runs ``fit`` in forks of itself, which start in milliseconds.

It reads one request per line, and answers with the exit code, negative for a signal. It never computes with torch
itself: a fork of a process with running thread pools would hang.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Forking:
    """The client, which runs ``fit`` as a user would.

    Args:
        server: the server process.
        folder: for the files with the commands' output.
    """

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server, self._printed = server, folder / "printed"
        self.stdout = self.stderr = ""  # of the last command

    def fit(self, *arguments: object, largest_file: int | None = None, **environment: str) -> int:
        """Runs ``fit`` and returns its exit code. It can write no file of more than ``largest_file`` bytes."""
        paths = [f"{self._printed}.{number}" for number in (1, 2)]
        request = {"arguments": [*map(str, arguments)], "largest": largest_file, "environment": environment}
        assert self._server.stdin and self._server.stdout
        print(json.dumps(request | {"printed": paths}), file=self._server.stdin, flush=True)
        code = json.loads(self._server.stdout.readline())
        self.stdout, self.stderr = (Path(path).read_text(encoding="utf8") for path in paths)
        return code


@contextmanager
def forking(folder: Path) -> Iterator[Forking]:
    """Starts a server, which ends with the block."""
    tests = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), *sys.path]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__]
    with subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield Forking(server, folder)
        server.stdin.close()  # type: ignore[union-attr]


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps what imports print out of the answers
    import datasets  # noqa: F401  otherwise imported when the command needs it
    import transformers.models.bert.modeling_bert  # noqa: F401

    import xltrobust.datamodules
    import xltrobust.evaluation.recording
    import xltrobust.fit
    import xltrobust.models.classifier
    import xltrobust.perturb
    import xltrobust.report.__main__  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            code = 70
            try:
                code = _run(**request)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), file=answers, flush=True)


def _run(arguments: list[str], environment: dict[str, str], printed: list[str], largest: int | None) -> int:
    import xltrobust.fit

    signal.alarm(120)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    os.environ |= environment
    for number, path in enumerate(printed, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    sys.argv = ["xltrobust.fit", *arguments]
    code: Any = 0
    try:
        xltrobust.fit.command()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    _serve()
