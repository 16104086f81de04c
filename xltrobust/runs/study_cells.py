"""Reads which cells a study has from its folder's ``cells.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.reading import read_json

CELLS = "cells.json"
SCHEMA = 1


def read_cells(folder: Path) -> dict[str, dict[str, Any]]:
    """By cell, which is also its run's folder in ``runs``: its ``levels``, ``seed`` and ``stages``, in order.

    Raises:
        UserError: if the folder is not a study's.
    """
    path = folder / CELLS
    if not path.exists():
        raise UserError(f"{path}: not found; is {folder} the folder of a study?")
    content = read_json(path)
    cells = content.get("cells")
    if content.get("schema") != SCHEMA or not isinstance(cells, dict):
        raise UserError(f"{path}: not a list of cells that this version reads.")
    for name, cell in cells.items():
        if not isinstance(cell, dict) or not isinstance(cell.get("levels"), dict) or "seed" not in cell:
            raise UserError(f"{path}: {name}: expected its levels and its seed, but got {cell!r}.")
    return cells
