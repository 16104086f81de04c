"""Cells as jobs of Slurm, through submitit; its folder has to be one that all machines share."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xltrobust.errors import MissingPackage, UserError
from xltrobust.study.attempt import Task, attempt
from xltrobust.study.engines.local import THREADS

_MINUTES, _EVERY = 720, 1.0  # of a job; seconds between two looks at them


class Attempt:
    """What a job does. If Slurm is about to stop it, it is queued again, and then goes on from its last checkpoint."""

    def __call__(self, task: Task) -> int:
        return attempt(task)

    def checkpoint(self, task: Task) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, task)


class SlurmEngine:
    """Hands all cells in as jobs.

    Args:
        logs: the folder for what Slurm and submitit write.
        places: how many jobs there are at the same time.
        threads: processor cores of a job.
        gpus: of a job.
        minutes: after which a job is stopped, and queued again.
        cluster: ``slurm``; or ``local``, which makes processes on this machine in place of jobs.
        options: further ones of Slurm.

    Raises:
        UserError: if submitit is not installed, or there is no Slurm.
    """

    def __init__(
        self,
        logs: Path,
        places: int,
        threads: int = 1,
        gpus: int = 0,
        minutes: int = _MINUTES,
        cluster: str = "slurm",
        **options: Any,
    ) -> None:
        try:
            import submitit
        except ImportError:
            raise MissingPackage("The engine slurm needs", "submitit", "slurm") from None
        try:
            self._executor = submitit.AutoExecutor(logs, cluster=cluster)
        except RuntimeError:
            raise UserError("--engine slurm: there is no Slurm on this machine (no command `srun`).") from None
        self._executor.update_parameters(timeout_min=minutes, cpus_per_task=threads, gpus_per_node=gpus, **options)
        self._places, self._threads = places, threads
        self.described = f"{cluster}, through submitit: up to {places} jobs of {threads} cores" + (
            f" and {gpus} GPUs" if gpus else ""
        )

    @classmethod
    def from_options(cls, given: argparse.Namespace, cells: int, logs: Path) -> SlurmEngine:
        """By the command's options.

        Args:
            given: the options.
            cells: how many there are to make.
            logs: the folder for what Slurm and submitit write.
        """
        options = {"slurm_partition": given.partition, "mem_gb": given.memory}
        return cls(
            logs, given.processes or cells, given.threads or 1, int(given.gpus or 0), given.time_limit or _MINUTES,
            **{name: value for name, value in options.items() if value is not None},
        )  # fmt: skip

    def places(self) -> int:
        return self._places

    def start(self, task: Task) -> Any:
        variables = dict.fromkeys(THREADS, str(self._threads))
        return self._executor.submit(Attempt(), replace(task, environment={**variables, **task.environment}))

    def ended(self, jobs: Sequence[Any]) -> list[tuple[Any, int | str]]:
        found: list[tuple[Any, int | str]] = []
        for job in jobs:
            if job.done():
                error = job.exception()
                found.append((job, job.result() if error is None else f"job {job.job_id}: {_last(str(error))}"))
        if not found:
            time.sleep(_EVERY)
        return found

    def stop(self, jobs: Sequence[Any]) -> None:
        for job in jobs:
            job.cancel(check=False)

    def close(self) -> None:
        pass


def _last(text: str) -> str:
    return next((line for line in reversed(text.strip().splitlines()) if line.strip("- ")), "it got lost")
