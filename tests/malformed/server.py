"""A server process that has imported everything and runs each command in a fork, which starts in milliseconds.

It reads one request per line from standard input and answers on standard output, in JSON. It never computes with torch
itself: a fork of a process with running thread pools would hang.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import signal
import sys
import traceback
import warnings
from typing import Any

import xltrobust

COMMANDS = ("fit", "attack", "predict", "export", "report", "report.seeds")
_SECONDS = 60  # after which a command is considered to hang
BROKEN_PIPE = "broken pipe"  # instead of a file for standard output: a pipe without a reader


def main() -> None:
    """Serves until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps what imports print out of the answers
    _import_everything()
    for line in sys.stdin:
        print(json.dumps(_serve(json.loads(line))), file=answers, flush=True)


def _import_everything() -> None:
    import pkgutil

    import datasets  # noqa: F401  otherwise imported when a command needs it
    import transformers.models.bert.modeling_bert  # noqa: F401

    for module in pkgutil.walk_packages(xltrobust.__path__, "xltrobust."):
        importlib.import_module(module.name)
    from xltrobust.cli import FitCLI

    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning_fabric", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Parsed once here, the signatures of classes are cached in all forks.
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(open(os.devnull, "w")):
        FitCLI(["--data", "xltrobust.datamodules.LocalClassification", "--print_config"])
    gc.collect()
    gc.freeze()  # so that collection in a fork does not copy the pages shared with it


def _serve(request: dict[str, Any]) -> int:
    """Runs a command in a fork, and returns its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _run(**request)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(command: str, arguments: list[str], folder: str, stdin: str, stdout: str, stderr: str) -> int:
    signal.alarm(_SECONDS)
    os.chdir(folder)
    if stdout == BROKEN_PIPE:
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    os.dup2(writer, 1)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stdin = os.fdopen(0, "r", encoding="utf8")
    sys.argv = [f"xltrobust.{command}", *arguments]
    module = importlib.import_module("xltrobust.report.__main__" if command == "report" else f"xltrobust.{command}")
    try:
        module.command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()  # as the interpreter does when it exits
    return code


if __name__ == "__main__":
    main()
