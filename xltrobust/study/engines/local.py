"""Cells on this machine: so many processes of so many threads."""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from xltrobust.study.attempt import Task, start, stop

Job = subprocess.Popen[bytes]
_MEMORY = 3 * 2**30  # bytes that a process takes, about: torch, a small encoder and its optimizer
# Each library that computes with threads has its own variable.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class LocalEngine:
    """Makes a fixed number of cells at the same time.

    Args:
        processes: how many.
        threads: of each.
        devices: GPUs, which are dealt out one a process; none leaves it to the configuration.
        why: where the numbers come from, in words.

    Attributes:
        jobs: the processes under way, each with its place among so many.
    """

    def __init__(self, processes: int, threads: int, devices: Sequence[str] = (), why: str = "") -> None:
        self.processes, self.threads, self._devices = processes, threads, list(devices)
        self.described = (
            f"local: {_count(processes, 'process', 'processes')} of {_count(threads, 'thread', 'threads')}"
            + (f", a GPU each of {', '.join(devices)}" if devices else "")
            + (f" ({why})" if why else "")
        )
        self.jobs: dict[Job, int] = {}

    @classmethod
    def from_options(cls, given: argparse.Namespace, cells: int) -> LocalEngine:
        """By the options ``processes`` and ``threads``, and where they are not given by what the machine has.

        Args:
            given: the options.
            cells: how many there are to make.
        """
        cores, memory, devices = cores_here(), memory_here(), devices_here()
        fitting = min(len(devices) or cores, max(1, memory // _MEMORY))
        processes = given.processes or max(1, min(fitting, cells))
        # Not by the cells that are left: sums are rounded by the number of threads, which is to be the same for all.
        threads = given.threads or max(1, cores // (given.processes or fitting))
        limits = [f"{_count(cores, 'core', 'cores')}"]
        limits += [f"{memory / 2**30:.0f} GiB of memory, {_MEMORY // 2**30} a process"] if fitting < cores else []
        why = "" if given.processes and given.threads else f"{', '.join(limits)}; --processes and --threads change it"
        return cls(processes, threads, devices, why)

    def places(self) -> int:
        return self.processes

    def start(self, task: Task) -> Job:
        place = min(set(range(self.processes)) - set(self.jobs.values()))
        variables = dict.fromkeys(THREADS, str(self.threads))
        if self._devices:
            variables["CUDA_VISIBLE_DEVICES"] = self._devices[place % len(self._devices)]
        job = start(replace(task, environment={**variables, **task.environment}))
        self.jobs[job] = place
        return job

    def ended(self, jobs: Sequence[Job]) -> list[tuple[Job, int | str]]:
        found: list[tuple[Job, int | str]] = [(job, code) for job in jobs if (code := job.poll()) is not None]
        for job, _ in found:
            del self.jobs[job]
            _close_input(job)
        if not found:
            time.sleep(0.1)
        return found

    def stop(self, jobs: Sequence[Job]) -> None:
        if jobs:
            with ThreadPoolExecutor(len(jobs)) as pool:  # all at once: each may need its time
                list(pool.map(stop, jobs))
        for job in jobs:
            _close_input(job)

    def close(self) -> None:
        pass


def cores_here() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_here() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def devices_here() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    number = torch.cuda.device_count()
    return visible.split(",")[:number] if visible else [str(device) for device in range(number)]


def _close_input(job: Job) -> None:
    if job.stdin is not None:
        job.stdin.close()


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
