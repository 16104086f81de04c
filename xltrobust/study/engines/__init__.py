"""Where the processes of cells run: on this machine, through Slurm, or on a Ray cluster."""

from __future__ import annotations

import argparse
from pathlib import Path

from xltrobust.study.engines.base import Engine
from xltrobust.study.engines.local import LocalEngine

ENGINES = ("local", "slurm", "ray")


def engine_of(given: argparse.Namespace, cells: int, logs: Path) -> Engine:
    """The engine that a command line asks for.

    Args:
        given: ``engine`` and its options.
        cells: how many there are to make.
        logs: the study's folder for logs.

    Raises:
        UserError: if the engine's package is not installed, or an option is another engine's.
    """
    if given.engine == "slurm":
        from xltrobust.study.engines.slurm import SlurmEngine

        return SlurmEngine.from_options(given, cells, logs / "jobs")
    if given.engine == "ray":
        from xltrobust.study.engines.ray import RayEngine

        return RayEngine.from_options(given)
    return LocalEngine.from_options(given, cells)
