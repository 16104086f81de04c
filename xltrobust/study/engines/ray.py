"""Cells as tasks of Ray, on this machine or on a cluster whose machines share the study's folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xltrobust.errors import MissingPackage, UserError, one_line
from xltrobust.study.attempt import Task, attempt
from xltrobust.study.engines.local import THREADS, cores_here

_LOST = 20  # times that a cell may lose its worker or machine


class RayEngine:
    """Has Ray place cells by processor cores and GPUs; one whose worker or machine is lost goes on elsewhere.

    Args:
        address: of a cluster; None starts Ray on this machine.
        threads: processor cores of a cell.
        gpus: of a cell; may be a fraction.
        processes: the most cells at the same time; None takes as many as there is room for.

    Raises:
        UserError: if Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self, address: str | None = None, threads: int = 1, gpus: float = 0, processes: int | None = None
    ) -> None:
        try:
            import ray
        except ImportError:
            raise MissingPackage("The engine ray needs", "ray", "ray") from None
        self._ray, self._threads, self._gpus, self._most = ray, threads, gpus, processes
        here = {} if address else {"num_cpus": cores_here(), "include_dashboard": False}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(f"--address {address}: Ray cannot be reached ({one_line(error)[:200]}).") from None
        self._remote = ray.remote(attempt).options(num_cpus=threads, num_gpus=gpus, max_retries=_LOST)
        self.described = f"ray{f' at {address}' if address else ''}: {self.places()} cells of {threads} cores" + (
            f" and {gpus:g} GPUs" if gpus else ""
        )

    @classmethod
    def from_options(cls, given: argparse.Namespace) -> RayEngine:
        """By the command's options."""
        return cls(given.address, given.threads or 1, given.gpus or 0, given.processes)

    def places(self) -> int:
        """As many as the cluster has room for now: machines may come and go."""
        there = self._ray.cluster_resources()
        room = int(there.get("CPU", 0) // self._threads)
        if self._gpus:
            room = min(room, int(there.get("GPU", 0) / self._gpus))
        return max(1, min(room, self._most or room))

    def start(self, task: Task) -> Any:
        variables = dict.fromkeys(THREADS, str(self._threads))
        return self._remote.remote(replace(task, environment={**variables, **task.environment}))

    def ended(self, jobs: Sequence[Any]) -> list[tuple[Any, int | str]]:
        ready, _ = self._ray.wait(list(jobs), timeout=1)
        return [(job, self._outcome(job)) for job in ready]

    def stop(self, jobs: Sequence[Any]) -> None:
        for job in jobs:
            self._ray.cancel(job, force=True)  # the cell notices that its worker has gone, and stops
        if jobs:
            self._ray.wait(list(jobs), num_returns=len(jobs), timeout=60)

    def close(self) -> None:
        self._ray.shutdown()

    def _outcome(self, job: Any) -> int | str:
        try:
            code: int = self._ray.get(job)
            return code
        except self._ray.exceptions.RayError as error:
            return one_line(error)[:300]
