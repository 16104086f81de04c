"""Reads a study's folder for its report: examples of all finished runs, and what each run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.report.study.plan import Plan, read_plan
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.study_cells import read_cells
from xltrobust.statistics.contrasts import Contrast, compare, primary_contrasts
from xltrobust.statistics.counts import Counts, count_examples
from xltrobust.statistics.examples import CLEAN, WORST, Cell, Examples, examples_of_runs
from xltrobust.statistics.factorial import Factorial

DEPARTURES = "departures.md"


@dataclass(frozen=True)
class StudyRun:
    """A finished run: its cell, its folder's name (the hash of its configuration), and its ``results.json``."""

    cell: str
    seed: int
    name: str
    path: Path
    results: Mapping[str, Any]
    levels: Mapping[str, str]


@dataclass(frozen=True)
class StudyReport:
    """A study with its examples and records.

    Args:
        name: of the study.
        folder: its folder.
        split: the test split.
        plan: what it asks.
        examples: of all finished runs.
        runs: by cell, in the order of seeds.
        unfinished: how many runs are not finished, and left out.
        departures: the text of the folder's ``departures.md``; empty if there is none.
        model: whether the logistic mixed model is fitted.
    """

    name: str
    folder: Path
    split: str
    plan: Plan
    examples: Examples
    runs: Mapping[str, Sequence[StudyRun]]
    unfinished: int
    departures: str
    model: bool = True

    @property
    def cells(self) -> list[str]:
        """The names of cells with a finished run."""
        return list(self.runs)

    @property
    def baseline(self) -> str:
        """The cell that others are compared with."""
        return self.plan.baseline or self.cells[0]

    @property
    def attacks(self) -> list[str]:
        """The names of the attacks."""
        return [name for name in self.examples.conditions if name != CLEAN]

    @property
    def conditions(self) -> list[str]:
        """All that contrasts can be made under."""
        return [*self.examples.conditions, *([WORST] if len(self.attacks) > 1 else [])]

    @property
    def tested(self) -> list[str]:
        """The conditions that contrasts are made under."""
        return list(self.plan.conditions or [CLEAN, *(self.conditions[-1:] if self.attacks else [])])

    @cached_property
    def counts(self) -> dict[str, Counts]:
        """Right answers by condition, over the items that all runs have; without conditions that share none."""
        found = {}
        for condition in self.conditions:
            try:
                found[condition] = count_examples(self.examples, condition, self.cells)
            except UserError:
                continue
        return found

    @cached_property
    def contrasts(self) -> tuple[list[Contrast], list[str]]:
        """The contrasts under each condition that is tested, and why some cannot be made."""
        found: list[Contrast] = []
        problems = []
        for condition in self.tested:
            try:
                found += self._contrasts(condition)
            except UserError as error:
                problems.append(f"{condition}: {error}")
        return found, problems

    def _contrasts(self, condition: str) -> list[Contrast]:
        plan = self.plan
        if plan.factorial and plan.best:
            return primary_contrasts(
                self.examples, condition, best=plan.best, baseline=self.baseline, differs=plan.differs,
                model=self.model,
            )  # fmt: skip
        if plan.factorial:
            design = Factorial().weights(self.examples.cells)
            return compare(self.examples, condition, design, differs=plan.differs, model=self.model)
        others = [cell for cell in self.cells if cell != self.baseline]
        if not others:
            raise UserError(f"the study has one cell, {self.baseline!r}: there is nothing to compare it with.")
        named = {f"{cell} - {self.baseline}": {cell: 1.0, self.baseline: -1.0} for cell in others}
        return compare(self.examples, condition, named, differs=plan.differs, model=self.model)


def load_study(
    folder: Path, *, split: str = "test", plan: Path | None = None, stages: Sequence[str] = (), model: bool = True
) -> StudyReport:
    """Reads a study's folder.

    Args:
        folder: as ``xltrobust study`` writes it.
        split: the test split.
        plan: a file with the part ``report``, in place of that of the study's file.
        stages: cells of these only; none takes all.
        model: whether the logistic mixed model is fitted.

    Raises:
        UserError: if the folder is no study's, no run has finished, a run's files are damaged, or the plan is wrong.
    """
    listed = {
        name: cell for name, cell in read_cells(folder).items() if not stages or set(stages) & set(cell["stages"])
    }
    if not listed:
        raise UserError(f"{folder}: no cell of the stage {', '.join(stages)}.")
    if plan is not None and not plan.exists():
        raise UserError(f"{plan}: not found.")
    names = cell_names([cell["levels"] for cell in listed.values()])
    finished: dict[str, list[StudyRun]] = {}
    for (name, cell), called in zip(listed.items(), names, strict=True):
        run = RunFolder(folder / "runs" / name)
        if run.results.exists():
            levels = {factor: str(level) for factor, level in cell["levels"].items()}
            finished.setdefault(called, []).append(
                StudyRun(called, int(cell["seed"]), name, run.path, run.finished, levels)
            )
    if not finished:
        raise UserError(f"{folder}: no cell has finished: run the study first.")
    asked = read_plan(plan or folder / "study.yaml", list(dict.fromkeys(names)))
    runs = {cell: sorted(own, key=lambda run: run.seed) for cell, own in finished.items()}
    design = [
        Cell(cell, {**own[0].levels, **(asked.levels(cell) if asked.factorial else {})}, [run.path for run in own])
        for cell, own in runs.items()
    ]
    departures = folder / DEPARTURES
    return StudyReport(
        folder.resolve().name, folder, split, asked, examples_of_runs(design, split), runs,
        len(listed) - sum(map(len, runs.values())),
        departures.read_text(encoding="utf8") if departures.exists() else "", model,
    )  # fmt: skip


def cell_names(levels: Sequence[Mapping[str, Any]]) -> list[str]:
    """What cells are called: by the level of the one factor that varies, or by factors and levels if several do.

    >>> cell_names([{"arm": "plain", "task": "sib200"}, {"arm": "W-A", "task": "sib200"}])
    ['plain', 'W-A']
    >>> cell_names([{"arm": "plain", "robust": "no"}, {"arm": "W-A", "robust": "yes"}])
    ['arm=plain, robust=no', 'arm=W-A, robust=yes']
    """
    factors = list(levels[0])
    varied = [factor for factor in factors if len({str(each.get(factor)) for each in levels}) > 1] or factors[:1]
    if len(varied) == 1:
        return [str(each.get(varied[0])) for each in levels]
    return [", ".join(f"{factor}={each.get(factor)}" for factor in varied) for each in levels]
