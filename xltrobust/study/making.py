"""Makes the cells of a study: what is there already, what is left to do, and doing it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from rich.console import Console

from xltrobust.errors import UserError
from xltrobust.files import atomic_write, check_folder, held_alone
from xltrobust.runs.provenance import code_hash
from xltrobust.study.adopting import adopt, strangers
from xltrobust.study.attempt import Task
from xltrobust.study.engines import engine_of
from xltrobust.study.engines.base import run_all
from xltrobust.study.engines.local import LocalEngine
from xltrobust.study.expansion import Cell, cells_of, chosen
from xltrobust.study.folder import StudyFolder
from xltrobust.study.listing import list_cells
from xltrobust.study.states import Made, State, check_code, code_here, made, processors
from xltrobust.study.study_file import read_study
from xltrobust.study.table import StudyTable
from xltrobust.study.trials import shared_data, trial


def make(given: argparse.Namespace) -> None:
    """Makes the cells that a command line asks for, or lists them.

    Raises:
        UserError: if the study's file or an option is wrong, other code has made a cell, or a cell failed.
    """
    open_ = until(given.until)
    study = read_study(given.config)
    folder = StudyFolder(given.folder or Path("runs") / study.name)
    check_folder(folder.path, "--folder")
    cells = cells_of(study, folder.path)
    if given.accept_other_code and not given.dry_run and (adopted := adopt(folder, cells)):
        _say(f"{adopted} runs of other versions of the package, with the same options, are taken over")
    runs = {cell.name: made(folder.run(cell.name)) for cell in cells}
    try:
        if not given.accept_other_code:
            check_code(runs.items(), code_here())
    except UserError as error:
        if not given.dry_run:
            raise
        _say(str(error))
    wanted = chosen(cells, given.only, given.stage)
    left = [cell for cell in wanted if runs[cell.name].state is not State.DONE]
    if given.max_cells is not None:
        left = left[: given.max_cells]
    _say_what_is_there(folder, cells, runs)
    engine = engine_of(given, len(left) or 1, folder.logs)
    try:
        _say(engine.described)
        threads = engine.threads if isinstance(engine, LocalEngine) else given.threads or 1
        if given.dry_run:
            list_cells(wanted, left, runs, folder, engine.places(), None if given.no_trials else threads)
            return
        with held_alone(folder.path, "study", patience=5), StudyTable(wanted, _done(runs), engine.places()) as table:
            folder.write(study.resolved, cells)
            if not given.no_trials:
                _prepare(left, cells, runs, folder, threads)
            code = None if given.accept_other_code else code_hash()
            tasks = [_task(cell, folder, code, study.keep_checkpoints) for cell in left]
            unstarted = run_all(engine, tasks, table, open_)
    except BlockingIOError:
        raise UserError(f"{folder.path}: another process makes this study; wait for it, or end it.") from None
    finally:
        engine.close()
    _say(table.progress() + (f"; it is {given.until}, and {unstarted} were not started" if unstarted else ""))
    if table.failed:
        name, reason = next(iter(table.failed.items()))
        raise UserError(
            f"{len(table.failed)} of {len(left)} cells failed; {table.cells[name]}: {reason.rstrip('.')}; log "
            f"{folder.log(name)}. The same command tries them again."
        )


def until(time: str | None, now: Callable[[], datetime] = datetime.now) -> Callable[[], bool]:
    """Tells whether a time of day is still to come, the next such time after this call.

    Raises:
        UserError: if it is none.

    >>> clock = iter([datetime(2030, 1, 1, 23), datetime(2030, 1, 2, 1, 59), datetime(2030, 1, 2, 2)])
    >>> open_ = until("02:00", lambda: next(clock))
    >>> open_(), open_()
    (True, False)
    """
    if time is None:
        return lambda: True
    try:
        given = datetime.strptime(time, "%H:%M").time()
    except ValueError:
        raise UserError(f"--until: expected a time of day such as 02:00, but got {time!r}.") from None
    start = now()
    end = datetime.combine(start.date(), given)
    end += timedelta(days=end <= start)
    return lambda: now() < end


def _task(cell: Cell, folder: StudyFolder, code: str | None, keep_checkpoints: bool) -> Task:
    """The cell's task; its configuration is written into its folder, unless a run has begun there."""
    run = folder.run(cell.name)
    if not run.last.exists():
        with atomic_write(run.config) as temporary:
            temporary.write_text(yaml.safe_dump(cell.config, sort_keys=False, allow_unicode=True), encoding="utf8")
    return Task(cell.name, run.path, folder.log(cell.name), code, keep_checkpoints)


def _done(runs: dict[str, Made]) -> set[str]:
    return {name for name, run in runs.items() if run.state is State.DONE}


def _prepare(
    left: Sequence[Cell], cells: Sequence[Cell], runs: dict[str, Made], folder: StudyFolder, threads: int
) -> None:
    """A trial for each set of data that no cell has used yet, which leaves in the caches what cells share."""
    ready = {shared_data(cell.config) for cell in cells if runs[cell.name].state is not State.NEW}
    for cell in left:
        if (data := shared_data(cell.config)) not in ready:
            ready.add(data)
            _say(f"preparing the data of {cell.combination} (a short run)")
            try:
                trial(cell, folder, threads)
            except UserError as error:
                _say(f"{error} Its cells are tried nevertheless.")


def _say_what_is_there(folder: StudyFolder, cells: Sequence[Cell], runs: dict[str, Made]) -> None:
    states = [runs[cell.name].state for cell in cells]
    counts = ", ".join(f"{states.count(state)} {state}" for state in State if state in states)
    _say(f"{folder.path}: {len(cells)} cells: {counts}")
    if others := strangers(folder, cells):
        _say(
            f"{folder.runs} holds {len(others)} runs that are no cells of this study (such as {others[0]}), as its "
            "file, or an option of the package, has changed since. They are left alone; --accept-other-code takes over "
            "those that differ only in options that the package did not have."
        )
    if len(kinds := processors(list(runs.values()))) > 1:
        _say(f"cells were made on {len(kinds)} kinds of processor, which may give other figures: {'; '.join(kinds)}")


def _say(line: str) -> None:
    Console(file=sys.stderr, highlight=False, markup=False).print(line, soft_wrap=True)
