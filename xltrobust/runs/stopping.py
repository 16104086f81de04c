"""A command that is told to stop ends at once, with one line and the exit code that shells expect."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]
_handlers: dict[int, Handler] = {}  # of the block that runs


class Stopped(BaseException):
    """The process was told to stop.

    Args:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def stopped_in_one_line(command: str, advice: str) -> Iterator[None]:
    """Makes SIGTERM and Ctrl-C end the process with 128 plus the signal's number (143 and 130), and one line.

    Lightning ends with 0 after SIGTERM, and only at a training step: what comes after ``&&`` would go on.

    Args:
        command: the line starts with it.
        advice: it ends with it.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # what is tidied now is not to be interrupted
        raise Stopped(number)

    heeded = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    _handlers.update(dict.fromkeys(heeded, stop))
    try:
        yield
    except Stopped as stopped:
        if os.environ.get("LOCAL_RANK", "0") == "0":  # the other processes of a training say nothing
            print(f"{command}: stopped by {stopped}. {advice}", file=sys.stderr)
        raise SystemExit(128 + stopped.number) from None
    finally:
        _handlers.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def heed_signals_first() -> None:
    """Puts the handlers of :func:`stopped_in_one_line` in the place of Lightning's, if its block runs.

    Lightning's tells the other devices from within the handler, and may wait for them for ever.
    """
    for number, handler in _handlers.items():
        signal.signal(number, handler)
