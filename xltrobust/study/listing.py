"""Lists the cells of a study, how long each trains, and how long all that is left will take."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Console

from xltrobust.errors import UserError
from xltrobust.study.expansion import Cell
from xltrobust.study.folder import StudyFolder
from xltrobust.study.states import Made
from xltrobust.study.table import cells_table
from xltrobust.study.trials import trial

_WIDTH = 160  # where the output has none


def list_cells(
    cells: Sequence[Cell],
    left: Sequence[Cell],
    runs: Mapping[str, Made],
    folder: StudyFolder,
    places: int,
    threads: int | None,
) -> None:
    """Prints the cells, and an estimate of the time that those left will take.

    Args:
        cells: those asked for.
        left: those of them that are to be made.
        runs: how far each has got.
        folder: of the study.
        places: how many are made at the same time.
        threads: of a trial; None makes none, so that only finished cells tell times.
    """
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    finished = _finished(cells, runs)
    seconds, sources, steps = dict[str, float](), dict[str, str](), dict[str, str]()
    for cell in left:
        if (kind := cell.combination) in seconds or kind in sources:
            continue
        if kind in finished:
            seconds[kind], sources[kind] = finished[kind], "finished cells"
        elif threads is not None:
            try:
                found = trial(cell, folder, threads)
                seconds[kind], sources[kind] = found["seconds"], "a trial"
                steps[kind] = f", about {found['steps']:.0f} steps"
            except UserError as error:
                print(error, file=sys.stderr)
                sources[kind] = "unknown"
    rows = []
    for cell in cells:
        state = str(runs[cell.name].state)
        rows.append((cell, state, length(cell.config) + steps.get(cell.combination, "")))
    if rows:
        cells_table(rows, console)
    known = [seconds[cell.combination] for cell in left if cell.combination in seconds]
    line = f"{len(left)} of {len(cells)} cells are to be made"
    if known:
        whole = sum(known) / len(known) * len(left)
        told = " and ".join(sorted({source for source in sources.values() if source != "unknown"}))
        unknown = f"; of {len(left) - len(known)} cells it is not known" if len(known) < len(left) else ""
        each = f"{_time(whole / len(left))} each"
        line += f": about {_time(whole / places)} with {places} at a time, {each} (told from {told}{unknown})"
    console.print(line, soft_wrap=True)


def length(config: Mapping[str, Any]) -> str:
    """How long a configuration trains, in its own terms.

    >>> length({"model": {"max_passes": 5}, "trainer": {"max_epochs": None, "max_steps": 300}})
    '5 passes, at most 300 steps'
    """
    trainer, passes = config["trainer"], config["model"].get("max_passes")
    steps, epochs = trainer.get("max_steps", -1), trainer.get("max_epochs")
    if config.get("test_checkpoint") is not None:
        return "test only"
    if passes is not None:
        return f"{passes:g} passes" + (f", at most {steps} steps" if steps > 0 else "")
    named = [f"{epochs} epochs"] if epochs and epochs > 0 else []
    return ", at most ".join([*named, *([f"{steps} steps"] if steps > 0 else [])]) or "without end"


def _finished(cells: Sequence[Cell], runs: Mapping[str, Made]) -> dict[str, float]:
    """By combination, how long its finished cells took in the mean."""
    times: dict[str, list[float]] = {}
    for cell in cells:
        if (seconds := runs[cell.name].seconds) is not None:
            times.setdefault(cell.combination, []).append(seconds)
    return {name: statistics.mean(values) for name, values in times.items()}


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
