"""A study's folder: ``study.yaml``, ``cells.json``, ``logs/``, and ``runs/`` with a run's folder for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from xltrobust.files import atomic_write, write_json
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.study_cells import CELLS, SCHEMA, read_cells
from xltrobust.study.expansion import Cell


class StudyFolder:
    """The files of one study. What is true of a cell is read from its run's folder alone.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.study = self.path / "study.yaml"
        self.cells = self.path / CELLS
        self.logs = self.path / "logs"
        self.runs = self.path / "runs"

    def run(self, name: str) -> RunFolder:
        """The folder of a cell's run."""
        return RunFolder(self.runs / name)

    def log(self, name: str) -> Path:
        """What a cell printed."""
        return self.logs / f"{name}.log"

    def write(self, study: dict[str, Any], cells: Sequence[Cell]) -> None:
        """Writes the study and which cells it has."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.runs.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.study) as temporary:
            temporary.write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf8")
        listed = {
            cell.name: {"levels": dict(cell.levels), "seed": cell.seed, "stages": list(cell.stages)} for cell in cells
        }
        write_json({"schema": SCHEMA, "study": study["name"], "cells": listed}, self.cells)

    def read(self) -> dict[str, dict[str, Any]]:
        """By cell: its ``levels``, ``seed`` and ``stages``, in the study's order.

        Raises:
            UserError: if the folder is not a study's.
        """
        return read_cells(self.path)
