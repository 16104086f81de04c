"""A command that receives SIGTERM or Ctrl-C ends at once, with one line and the exit code that shells expect."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]
_handlers: dict[int, Handler] = {}  # of the active block


class Stopped(BaseException):
    """The process was told to stop.

    Args:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def stopped_in_one_line(command: str, advice: str) -> Iterator[None]:
    """Makes SIGTERM and Ctrl-C end the process with 128 plus the signal's number (143 and 130), and one line.

    After SIGTERM, Lightning ends only at the next training step, and with 0, so that a command after ``&&`` would run.

    Args:
        command: the start of the line.
        advice: the end of the line.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # do not interrupt the clean-up
        raise Stopped(number)

    heeded = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, stop) for number in heeded}
    _handlers.update(dict.fromkeys(heeded, stop))
    try:
        yield
    except Stopped as stopped:
        if os.environ.get("LOCAL_RANK", "0") == "0":  # one process of a training is enough to say so
            print(f"{command}: stopped by {stopped}. {advice}", file=sys.stderr)
        raise SystemExit(128 + stopped.number) from None
    finally:
        _handlers.clear()
        for number, handler in previous.items():
            signal.signal(number, handler)


def heed_signals_first() -> None:
    """Replaces Lightning's handlers by those of :func:`stopped_in_one_line`, inside its block.

    Lightning's handler notifies the other devices, and may wait for them for ever.
    """
    for number, handler in _handlers.items():
        signal.signal(number, handler)
