"""What a study asks, and which of its cells answer it: the part ``report`` of the study's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.reading import read_yaml

NONE = "none"  # the level of cells that are outside of the two-by-two
_MECHANISM = ("augmentation", "representation")
_GRANULARITY = ("word", "sentence")


@dataclass(frozen=True)
class Plan:
    """What the report of a study is about. Cells are named as the report names them.

    Args:
        question: what the study asks.
        baseline: the cell that others are compared with; None takes the first.
        best: the cell that was chosen on languages that are not tested; None where none was.
        mechanism: cells of ``augmentation`` and of ``representation``.
        granularity: cells of ``word`` and of ``sentence``.
        conditions: that contrasts are made under; None takes clean texts and, if there are attacks, the worst of them.
        differs: what the arms of a contrast differ in besides, by the contrast's name.
    """

    question: str = ""
    baseline: str | None = None
    best: str | None = None
    mechanism: Mapping[str, Sequence[str]] = field(default_factory=dict)
    granularity: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conditions: Sequence[str] | None = None
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def factorial(self) -> bool:
        """Whether there is a two-by-two."""
        return bool(self.mechanism) and bool(self.granularity)

    def levels(self, cell: str) -> dict[str, str]:
        """The cell's mechanism and granularity."""
        return {"mechanism": _level(self.mechanism, cell), "granularity": _level(self.granularity, cell)}


def read_plan(path: Path, cells: Sequence[str]) -> Plan:
    """Reads the part ``report`` of a study's file, or a file with nothing else.

    Args:
        path: of a YAML file; an empty plan is returned if it does not exist.
        cells: the names of the study's cells.

    Raises:
        UserError: if a key is unknown, a value is of another kind, or there is no such cell.
    """
    if not path.exists():
        return Plan()
    given = read_yaml(path).get("report") or {}
    known = tuple(Plan.__dataclass_fields__)
    if not isinstance(given, dict) or (unknown := [key for key in given if key not in known]):
        got = repr(given) if not isinstance(given, dict) else repr(unknown[0])
        raise UserError(f"{path}: report: expected {', '.join(known)}, but got {got}.")
    for key in ("question", "baseline", "best"):
        if not isinstance(given.get(key, ""), str):
            raise UserError(f"{path}: report.{key}: expected text, but got {given[key]!r}; put it in quotes.")
    for key, levels in (("mechanism", _MECHANISM), ("granularity", _GRANULARITY)):
        _check_levels(path, key, given.get(key, {}), levels)
    if not _texts(given.get("conditions", [])):
        raise UserError(f"{path}: report.conditions: expected names, but got {given['conditions']!r}.")
    if not isinstance(given.get("differs", {}), dict) or not _texts(list(given.get("differs", {}).values())):
        raise UserError(f"{path}: report.differs: expected texts by contrast, but got {given['differs']!r}.")
    plan = Plan(**given)
    named = [plan.baseline, plan.best]
    named += [cell for factor in (plan.mechanism, plan.granularity) for level in factor.values() for cell in level]
    if missing := [cell for cell in named if cell is not None and cell not in cells]:
        raise UserError(f"{path}: report: no cell {missing[0]!r} in the study; there are {', '.join(cells)}.")
    return plan


def _check_levels(path: Path, key: str, given: Any, levels: Sequence[str]) -> None:
    if not isinstance(given, dict) or not given.keys() <= set(levels) or not all(map(_texts, given.values())):
        raise UserError(f"{path}: report.{key}: expected lists of cells for {' and '.join(levels)}, but got {given!r}.")
    listed = [cell for cells in given.values() for cell in cells]
    if twice := [cell for cell in listed if listed.count(cell) > 1]:
        raise UserError(f"{path}: report.{key}: cell {twice[0]!r} is named twice.")


def _texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(each, str) for each in given)


def _level(factor: Mapping[str, Sequence[str]], cell: str) -> str:
    return next((level for level, cells in factor.items() if cell in cells), NONE)
