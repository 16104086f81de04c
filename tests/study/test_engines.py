"""Engines start a process for each cell, tell how it ended, and stop what is under way."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from study.studies import finished_run

from xltrobust.errors import UserError
from xltrobust.files import held_alone
from xltrobust.study.attempt import DONE, FAILED, STOPPED, Task, last_line, start, stop
from xltrobust.study.engines.base import Engine, run_all
from xltrobust.study.engines.local import LocalEngine


def task(folder: Path, name: str, **options: object) -> Task:
    return Task(name, folder / name, folder / f"{name}.log", **options)  # type: ignore[arg-type]


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.codes: dict[str, int | str] = {}

    def started(self, task: Task) -> None:
        self.began.append(task.cell)

    def ended(self, task: Task, code: int | str) -> None:
        self.codes[task.cell] = code

    def moment(self) -> None:
        pass


def ends(engine: Engine, folder: Path) -> None:
    """One cell is done already, one is told to be made by other code than there is."""
    finished_run(folder / "done")
    told = Told()
    tasks = [task(folder, "done"), task(folder, "other", code="0"), task(folder, "late")]
    left = run_all(engine, tasks, told, open_=lambda: len(told.began) < 2)
    assert (left, told.began) == (1, ["done", "other"])
    assert told.codes == {"done": DONE, "other": FAILED}
    assert "the package's source has changed since the study was started" in last_line(folder / "other.log")


def test_local_processes(tmp_path: Path) -> None:
    ends(LocalEngine(2, 1), tmp_path)


def test_jobs_of_submitit(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    from xltrobust.study.engines.slurm import SlurmEngine

    ends(SlurmEngine(tmp_path / "jobs", 2, minutes=5, cluster="local"), tmp_path)


def test_slurm_is_asked_for_where_there_is_none(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    from xltrobust.study.engines.slurm import SlurmEngine

    with pytest.raises(UserError, match="there is no Slurm on this machine"):
        SlurmEngine(tmp_path / "jobs", 2)


def test_a_cell_of_ray_whose_worker_is_killed_goes_on_in_another(tmp_path: Path) -> None:
    """Eight cells; the worker of the first is killed while its process is under way."""
    pytest.importorskip("ray")
    from xltrobust.study.engines.ray import RayEngine

    names = [f"cell-{number}" for number in range(8)]
    for name in names:
        finished_run(tmp_path / name)
    held = ExitStack()
    told = Killing(tmp_path / names[0], held)
    held.enter_context(held_alone(tmp_path / names[0], "cell", 0))  # its process waits
    engine = RayEngine(threads=1, processes=2)
    try:
        assert run_all(engine, [task(tmp_path, name) for name in names], told) == 0
    finally:
        engine.close()
    assert told.killed and told.codes == dict.fromkeys(names, DONE)
    log = (tmp_path / f"{names[0]}.log").read_text(encoding="utf8")
    assert log.count("one_cell") == 2 and "stopped by SIGTERM" in log


class Killing(Told):
    """Kills the worker that made a cell's process as soon as this runs, and then lets the cell go on.

    Args:
        run: the cell's folder.
        held: what keeps the cell waiting.
    """

    def __init__(self, run: Path, held: ExitStack) -> None:
        super().__init__()
        self.run, self.held, self.killed = run, held, 0

    def moment(self) -> None:
        if not self.killed and "waits" in last_line(self.run.with_suffix(".log")):
            child = next(pid for pid in processes() if str(self.run).encode() in command_line(pid).split(b"\0"))
            self.killed = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(self.killed, signal.SIGKILL)
            self.held.close()


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # it has ended


def test_a_cell_stops_when_it_is_told_to_and_when_whoever_started_it_has_died(tmp_path: Path) -> None:
    with held_alone(tmp_path / "a", "cell", 0), held_alone(tmp_path / "b", "cell", 0):  # both wait for another process
        told, orphan = start(task(tmp_path, "a")), start(task(tmp_path, "b"))
        for process in (told, orphan):
            deadline = time.monotonic() + 60
            while "waits" not in last_line(tmp_path / ("a.log" if process is told else "b.log")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert orphan.stdin is not None and told.stdin is not None
        orphan.stdin.close()
        assert orphan.wait(30) == 128 + signal.SIGTERM
        stop(told)
        told.stdin.close()
        assert told.returncode == 128 + signal.SIGTERM


def test_an_interrupted_loop_leaves_no_cell(tmp_path: Path) -> None:
    engine, jobs = LocalEngine(1, 1), []

    class Interrupting(Told):
        def started(self, task: Task) -> None:
            jobs.extend(engine.jobs)

        def moment(self) -> None:
            raise KeyboardInterrupt

    with held_alone(tmp_path / "a", "cell", 0), pytest.raises(KeyboardInterrupt):
        run_all(engine, [task(tmp_path, "a")], Interrupting())
    assert [job.returncode in STOPPED for job in jobs] == [True]
