"""Reads what a finished run left: ``results.json`` and ``predictions.parquet``, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from xltrobust.errors import UserError
from xltrobust.runs.folder import RunFolder

_COLUMNS = ("id", "group", "split", "language", "label", "prediction", "attack")
_TEXTS = ("text", "text_pair", "adversarial_text", "adversarial_text_pair")
# Of attacked examples; earlier versions did not record all of them.
_NUMBERS = ("queries", "backwards", "broken_at", "words_changed", "characters_changed", "similarity")
_OPTIONAL = (*_TEXTS, "broken_by", "changed", *_NUMBERS)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        path: its folder.
        name: what tables call it; unique among the runs of a report.
        results: the content of ``results.json``.
        predictions: the rows of ``predictions.parquet`` and a column ``correct`` (bool); optional columns that the run
            did not record are empty.
    """

    path: Path
    name: str
    results: dict[str, Any]
    predictions: pd.DataFrame

    def figure(self, name: str) -> float | None:
        """A figure of ``results.json``; None if it is missing or not finite."""
        value = self.results["figures"].get(name)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def load_run(path: str | Path) -> Run:
    """Reads the folder of a finished run.

    Raises:
        UserError: if a file is missing, broken, or not what this version writes.
    """
    folder = RunFolder(path)
    results = folder.finished
    return Run(folder.path, results["name"], results, _read_predictions(folder.predictions))


def load_runs(paths: Sequence[str | Path]) -> list[Run]:
    """Reads several runs; runs of equal names get the names of their parent folders in front."""
    runs = [load_run(path) for path in paths]
    names = told_apart([run.name for run in runs], [run.path for run in runs])
    return [replace(run, name=name) for run, name in zip(runs, names, strict=True)]


def told_apart(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Makes names unique: equal names are replaced by as much of the end of their paths as makes them differ.

    Raises:
        UserError: if a folder is given twice.

    >>> told_apart(["plain", "plain", "other"], [Path("/runs/a/plain"), Path("/runs/b/plain"), Path("/runs/b/c")])
    ['a/plain', 'b/plain', 'other']
    """
    resolved = [path.resolve() for path in paths]
    if len(set(resolved)) < len(resolved):
        raise UserError(f"expected different folders, but got {', '.join(map(str, paths))}.")
    found = list(names)
    for depth in range(1, max((len(path.parts) for path in resolved), default=0) + 1):
        found = [
            "/".join(path.parts[-depth:]) if found.count(name) > 1 else name
            for name, path in zip(found, resolved, strict=True)
        ]
    return found


def _read_predictions(path: Path) -> pd.DataFrame:
    try:
        there = parquet.read_schema(path).names
        missing = [name for name in _COLUMNS if name not in there]
        if missing:
            raise UserError(f"{path}: expected columns {', '.join(missing)}, but got {', '.join(there)}.")
        frame = pd.read_parquet(path, columns=[name for name in (*_COLUMNS, *_OPTIONAL) if name in there])
    except FileNotFoundError:
        raise UserError(f"{path}: not found; is {path.parent} the folder of a finished run?") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}).") from None
    if frame.empty:
        raise UserError(f"{path}: holds no predictions.")
    frame["group"] = frame["group"].fillna(frame["id"])
    for name in ("id", "split", "language", "label", "prediction"):
        if empty := int(frame[name].isna().sum()):
            raise UserError(f"{path}: expected column {name} to be filled, but {empty} of {len(frame)} rows are empty.")
    for name in ("id", "group", "split", "language"):
        frame[name] = frame[name].astype(str)
    repeated = frame.duplicated(["split", "language", "id", "attack"])
    if repeated.any():
        row = frame.loc[repeated, ["split", "language", "id"]].iloc[0].tolist()
        raise UserError(f"{path}: expected one row an example and attack, but got more of {'/'.join(row)}.")
    for name in _OPTIONAL:
        frame[name] = frame[name] if name in frame else None
    for name in _NUMBERS:
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    frame["correct"] = frame["label"] == frame["prediction"]
    return frame
