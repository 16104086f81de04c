"""What all commands share: called from Python they return or raise, and leave the process as they found it.

Only the shell's entry points, each module's ``command``, turn errors into a line and an exit code.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xltrobust.errors import UserError, one_line, one_line_errors

_SEEDS = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS")  # where Lightning keeps the seed


def run_command(name: str, main: Callable[[Sequence[str]], None]) -> None:
    """Runs a command with the shell's arguments; a user's error ends it with one line and exit code 2."""
    with one_line_errors(name):
        main(sys.argv[1:])


@contextmanager
def user_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Raises errors of these types, which mean that the user's input is wrong, as :class:`UserError`."""
    try:
        yield
    except (UserError, BrokenPipeError):
        raise
    except kinds as error:
        raise UserError(one_line(error)) from error


@contextmanager
def as_process(arguments: Sequence[str]) -> Iterator[None]:
    """Runs a block as if it were a process of its own with these arguments, so that one process can run many commands.

    ``sys.argv`` holds the arguments, which Lightning reads and results record. Afterwards it, the seed in the
    environment and the random generators are as before, and a W&B run that was started is finished.
    """
    import numpy as np
    import torch

    argv, wandb_run = sys.argv, _wandb_run()
    seeds = {name: os.environ.get(name) for name in _SEEDS}
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    sys.argv = [argv[0], *arguments]
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        sys.argv = argv
        for name, value in seeds.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        random.setstate(python)
        np.random.set_state(numpy)
        if (started := _wandb_run()) is not None and started is not wandb_run:
            started.finish()


def _wandb_run() -> Any:
    return getattr(sys.modules.get("wandb"), "run", None)
