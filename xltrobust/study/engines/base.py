"""What an engine is, and the loop that gives it cells."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from xltrobust.study.attempt import Task


class Engine(Protocol):
    """Starts the processes of cells somewhere, and tells when they have ended. A job is whatever it tells them by.

    Attributes:
        described: in words, for a line before cells start.
    """

    described: str

    def places(self) -> int:
        """How many cells it takes at the same time, now."""

    def start(self, task: Task) -> Any:
        """Starts a cell; returns its job."""

    def ended(self, jobs: Sequence[Any]) -> list[tuple[Any, int | str]]:
        """Waits for a moment; returns the jobs that have ended, each with its exit code, or why there is none."""

    def stop(self, jobs: Sequence[Any]) -> None:
        """Stops cells so that they can be resumed."""

    def close(self) -> None:
        """Gives back what the engine holds."""


class Watch(Protocol):
    """Is told what happens to cells."""

    def started(self, task: Task) -> None:
        """A cell has been given to the engine."""

    def ended(self, task: Task, code: int | str) -> None:
        """A cell's process has ended with an exit code, or has got lost for a reason."""

    def moment(self) -> None:
        """Time has passed."""


def run_all(engine: Engine, tasks: Iterable[Task], watch: Watch, open_: Callable[[], bool] = lambda: True) -> int:
    """Gives an engine cells until there are none, or no more may be started, and waits for those that have started.

    Whatever ends this, no cell goes on.

    Args:
        engine: where cells run.
        tasks: the cells, in the order in which they are started.
        watch: is told.
        open_: whether another cell may be started now.

    Returns:
        How many cells were not started.
    """
    waiting, running = deque(tasks), dict[Any, Task]()
    try:
        while running or (waiting and open_()):
            while waiting and len(running) < engine.places() and open_():
                task = waiting.popleft()
                running[engine.start(task)] = task
                watch.started(task)
            for job, code in engine.ended(list(running)):
                watch.ended(running.pop(job), code)
            watch.moment()
    finally:
        engine.stop(list(running))
    return len(waiting)
