"""How far a command has got: bars on a terminal; in a file, a pipe or a CI log, a line a minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

_EVERY = {True: 0.2, False: 60.0}  # seconds between two changes, on a terminal and elsewhere


class Phase:
    """A part of a command's work, such as the validation of an epoch: how much there is, and how much is done.

    Args:
        display: shows it.
        name: what is done; may change on the way.
        total: how much there is to do; None is unknown.
        unit: of the total.
    """

    def __init__(self, display: Display, name: str, total: float | None, unit: str) -> None:
        self.name, self.total, self.unit, self.note = name, total, unit, ""
        self.done, self._first = 0.0, 0.0
        self._display, self._started = display, display.clock()

    def start_at(self, done: float) -> None:
        """Tells how much was done before, in an earlier process: the time left is not judged by it."""
        self.done = self._first = done

    def to(self, done: float, note: Callable[[], str] = str, name: str | None = None) -> None:
        """Tells how much is done by now.

        Args:
            done: out of the total.
            note: makes the words beside it; called only when they are shown.
            name: what is being done.
        """
        self.done, self.name = done, name or self.name
        self._display.moved(self, note)

    def end(self, said: str | None = None) -> None:
        """Takes the phase off the display, and writes a line that stays: what was done, and how long it took.

        Args:
            said: in place of the name; an empty text writes no line.
        """
        elapsed = self.elapsed
        self._display.remove(self)
        if said != "":
            self._display.say(" · ".join(filter(None, [f"{said or self.name}: {self.amount} in {elapsed}", self.note])))

    @property
    def elapsed(self) -> timedelta:
        """The time since the phase began, in whole seconds."""
        return timedelta(seconds=int(self._display.clock() - self._started))

    @property
    def left(self) -> timedelta | None:
        """The time that the rest takes at the speed so far; None while that cannot be told."""
        done = self.done - self._first
        if self.total is None or done <= 0:
            return None
        spent = self._display.clock() - self._started
        return timedelta(seconds=round(spent / done * max(0.0, self.total - self.done)))

    @property
    def amount(self) -> str:
        """How much is done, such as ``30/75 examples``."""
        return "/".join(f"{n:.4g}" if n % 1 else f"{n:.0f}" for n in (self.done, self.total) if n is not None) + (
            f" {self.unit}" if self.unit else ""
        )

    @property
    def line(self) -> str:
        """All of it in words."""
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        left = "" if self.left is None else f", {self.left} left"
        return " · ".join(filter(None, [f"{self.name}: {self.amount}{share}, {self.elapsed} so far{left}", self.note]))


class Display:
    """Shows the phases that are under way, each below the one that it is a part of.

    On a terminal they are bars, which vanish when a phase ends. Elsewhere, as in a file or a CI log, the innermost one
    is told in a line once a minute. Either way a line that stays tells the end of each phase.

    Args:
        shown: show anything at all: only one process of a training should.
        file: where to; None is standard error.
        live: show bars; None does if the file is a terminal.
        every: seconds between two lines where no bars are shown.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        *,
        shown: bool = True,
        file: TextIO | None = None,
        live: bool | None = None,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shown, self.clock = shown, clock
        self._file, self._live, self._every = file, live, every
        self._bars: Progress | None = None
        self._tasks: dict[Phase, TaskID] = {}
        self._last = clock()

    def phase(self, name: str, total: float | None, unit: str = "") -> Phase:
        """Begins a phase."""
        phase = Phase(self, name, total, unit)
        if self.shown and self._is_live:
            if self._bars is None:
                self._bars = self._new_bars()
                self._bars.start()
            self._tasks[phase] = self._bars.add_task(name, total=total, phase=phase)
        return phase

    def moved(self, phase: Phase, note: Callable[[], str]) -> None:
        """Shows how far a phase has got, if it is time to show anything."""
        every = _EVERY[self._is_live] if self._every is None else self._every
        if not self.shown or self.clock() - self._last < every:
            return
        self._last = self.clock()
        phase.note = note()
        if self._bars is None:
            self.say(phase.line)
        elif phase in self._tasks:
            self._bars.update(self._tasks[phase], completed=phase.done, description=phase.name)

    def remove(self, phase: Phase) -> None:
        """Takes a phase's bar away; the last one takes the display with it."""
        if self._bars is not None and phase in self._tasks:
            if len(self._tasks) == 1:
                self.close()  # with the bar still there: Rich erases as many lines as it has drawn last
            else:
                self._bars.remove_task(self._tasks.pop(phase))
                self._bars.refresh()  # or a line that is written next would draw the bar again

    def say(self, line: str) -> None:
        """Writes a line that stays."""
        if not self.shown:
            return
        if self._bars is not None:
            self._bars.console.print(Text(line), soft_wrap=True)
        else:
            print(line, file=self._file or sys.stderr, flush=True)

    def close(self) -> None:
        """Gives the terminal back, whatever is under way."""
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._tasks = None, {}

    @property
    def _is_live(self) -> bool:
        if self._live is not None:
            return self._live
        file = self._file or sys.stderr
        return file.isatty() and not Console(file=file).is_dumb_terminal

    def _new_bars(self) -> Progress:
        return Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8, max_width=40)),
            _Amount(table_column=Column(no_wrap=True)),
            _Note(table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(file=self._file or sys.stderr, highlight=False, force_terminal=True),
            refresh_per_second=4,
            transient=True,
            expand=True,
            redirect_stdout=sys.stdout.isatty(),  # what goes to a file stays there
        )


class _Amount(ProgressColumn):
    """How much is done, and how long the rest takes."""

    def render(self, task: Task) -> Text:
        phase: Phase = task.fields["phase"]
        return Text(f"{phase.amount} · {'-:--:--' if phase.left is None else phase.left} left")


class _Note(ProgressColumn):
    """The words beside it."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["phase"].note, style="dim")
