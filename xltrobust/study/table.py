"""Shows how far a study has got: a live table on a terminal, a line for each event elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from xltrobust.study.attempt import DONE, ELSEWHERE, STOPPED, Task, last_line
from xltrobust.study.expansion import Cell

_FAILED_SHOWN = 5


@dataclass
class _Count:
    cells: int = 0
    done: int = 0
    failed: int = 0
    running: int = 0
    seconds: list[float] = field(default_factory=list)


class StudyTable:
    """Is told what happens to cells, and shows it.

    Args:
        cells: those of this call.
        done: the names of those that were done before.
        places: how many cells run at the same time.
        console: where to; None is standard error.
    """

    def __init__(self, cells: Sequence[Cell], done: set[str], places: int = 1, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, highlight=False)
        self.cells = {cell.name: cell for cell in cells}
        self.failed: dict[str, str] = {}
        self.busy: list[str] = []  # cells that another process makes
        self.places = places
        self._started = dict[str, tuple[Task, float]]()
        self._counts: dict[str, _Count] = {}
        for cell in cells:
            count = self._counts.setdefault(cell.combination, _Count())
            count.cells += 1
            count.done += cell.name in done
        live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=1) if live else None

    def __enter__(self) -> StudyTable:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._live:
            self._live.stop()

    def started(self, task: Task) -> None:
        self._started[task.cell] = (task, time.monotonic())
        self._count(task).running += 1
        self._say(f"{self.cells[task.cell]}: started", live=False)

    def ended(self, task: Task, code: int | str) -> None:
        _, started = self._started.pop(task.cell)
        count, cell, seconds = self._count(task), self.cells[task.cell], time.monotonic() - started
        count.running -= 1
        if code == DONE:
            count.done += 1
            count.seconds.append(seconds)
            self._say(f"{cell}: done in {_time(seconds)}; {self.progress()}", live=False)
        elif code == ELSEWHERE:
            self.busy.append(task.cell)
            self._say(f"{cell}: is made by another process")
        elif code in STOPPED:
            self.failed[task.cell] = f"was stopped ({code}) from outside; the same command resumes it"
            count.failed += 1
            self._say(f"{cell}: {self.failed[task.cell]}; log {task.log}")
        else:
            count.failed += 1
            self.failed[task.cell] = code if isinstance(code, str) else last_line(task.log) or f"exit code {code}"
            self._say(f"{cell}: failed: {self.failed[task.cell]}; log {task.log}")

    def moment(self) -> None:
        pass

    def _count(self, task: Task) -> _Count:
        return self._counts[self.cells[task.cell].combination]

    def _say(self, line: str, live: bool = True) -> None:
        if live or self._live is None:
            self.console.print(Text(line), soft_wrap=True)

    def progress(self) -> str:
        counts = self._counts.values()
        done, failed, cells = (sum(getattr(c, name) for c in counts) for name in ("done", "failed", "cells"))
        seconds = [second for count in counts for second in count.seconds]
        left = cells - done - failed
        line = f"{done} of {cells} cells done" + (f", {failed} failed" if failed else "")
        if seconds and left:
            line += f", about {_time(sum(seconds) / len(seconds) * left / max(1, self.places))} left"
        return line

    def _table(self) -> Group:
        table = Table(title=Text(self.progress()), title_justify="left", box=None, pad_edge=False)
        for name in ("cells", "done", "running", "failed", "time each"):
            table.add_column(name, justify="left" if name == "cells" else "right")
        for name, count in self._counts.items():
            each = _time(sum(count.seconds) / len(count.seconds)) if count.seconds else ""
            shown = (f"{count.done}/{count.cells}", str(count.running or ""), str(count.failed or ""), each)
            table.add_row(Text(name), *shown)
        now = time.monotonic()
        lines = [
            Text(f"{self.cells[name]} {_time(now - at)}: {last_line(task.log)}", no_wrap=True, overflow="ellipsis")
            for name, (task, at) in self._started.items()
        ]
        return Group(table, *lines)


def cells_table(rows: Sequence[tuple[Cell, str, str]], console: Console) -> None:
    """Prints cells with what there is to do and for how long.

    Args:
        rows: each cell, how far it has got, and its length and cost in words.
        console: where to.
    """
    factors = list(rows[0][0].levels)
    table = Table(box=None, pad_edge=False)
    for name in ("cell", *factors, "seed", "stage", "state", "training"):
        table.add_column(name, no_wrap=name == "cell")
    for cell, state, training in rows:
        levels: Mapping[str, str] = cell.levels
        shown = (cell.name, *levels.values(), str(cell.seed), ",".join(cell.stages), state, training)
        table.add_row(*map(Text, shown))
    console.print(table)


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
