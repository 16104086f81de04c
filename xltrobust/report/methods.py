"""Methods, each with one run per seed, and the examples on which methods can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from xltrobust.errors import UserError
from xltrobust.metrics.coverage import WORST, is_robust
from xltrobust.report.conditions import CLEAN, Rows, attacks_of, averaged, condition_rows, suite_of
from xltrobust.report.pairing import in_common, with_content
from xltrobust.runs.finished import Run, load_runs, told_apart
from xltrobust.runs.folder import RunFolder


@dataclass(frozen=True)
class Method:
    """The runs of one method.

    Args:
        name: what tables call it; unique among the methods compared.
        runs: by seed.
        rows: the predictions of each run by condition; ids include texts and labels, so equal ids are equal examples.
        clean: all clean rows of each run, by seed.
    """

    name: str
    runs: dict[int, Run]
    rows: dict[int, Rows]
    clean: dict[int, pd.DataFrame] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The language that the method was trained on."""
        return next(iter(self.runs.values())).results["source"]

    @property
    def conditions(self) -> list[str]:
        """The conditions (clean, attacks, ``worst``) that every seed has."""
        first, *others = self.rows.values()
        return [name for name in first if all(name in rows for rows in others)]

    def frames(self, condition: str) -> dict[int, pd.DataFrame]:
        """The rows of a condition by seed."""
        return {seed: rows[condition] for seed, rows in self.rows.items()}

    def averaged(self, condition: str) -> bool:
        """Whether a condition can be averaged over languages in every seed."""
        return all(averaged(rows, condition) for rows in self.rows.values())


def read_methods(folders: Sequence[Path], split: str) -> list[Method]:
    """Reads several methods, named after their folders; parent folders are added where names are equal.

    Args:
        folders: one a method, each with one run per seed.
        split: the test split.

    Raises:
        UserError: if a folder is given twice, or as :func:`read_method` does.
    """
    names = told_apart([folder.resolve().name for folder in folders], folders)
    return [replace(read_method(folder, split), name=name) for folder, name in zip(folders, names, strict=True)]


def read_method(folder: Path, split: str) -> Method:
    """Reads the finished runs in a folder.

    Raises:
        UserError: if there are none, or two of the same seed.
    """
    found = sorted(path.parent for path in folder.glob("*/results.json"))
    if not found:
        raise UserError(f"{folder}: no finished run in it; expected one folder a seed with results.json.")
    runs: dict[int, Run] = {}
    for run in load_runs(found):
        if (seed := RunFolder(run.path).recorded("seed")) in runs:
            raise UserError(f"{folder}: two runs of seed {seed}: {runs[seed].path.name} and {run.path.name}; keep one.")
        runs[seed] = run
    rows = {seed: with_content(condition_rows(run, split)) for seed, run in runs.items()}
    clean = {seed: by_condition[CLEAN] for seed, by_condition in rows.items() if CLEAN in by_condition}
    return Method(folder.resolve().name, runs, rows, clean)


def on_common_examples(methods: Sequence[Method]) -> tuple[list[Method], list[str]]:
    """Cuts methods, in each condition, to the languages that all have and, seed by seed, to the examples that all have.

    Returns:
        The methods, without the conditions in which they cannot be compared, and notes on what was left out.
    """
    kept: dict[str, dict[int, Rows]] = {method.name: {seed: {} for seed in method.runs} for method in methods}
    notes: list[str] = []
    for condition in dict.fromkeys(name for method in methods for rows in method.rows.values() for name in rows):
        having: list[Method] = []
        for method in methods:
            if lacking := [str(seed) for seed, rows in method.rows.items() if condition not in rows]:
                where = "" if len(lacking) == len(method.runs) else f" in seed {', '.join(lacking)}"
                notes.append(f"{method.name} has no results for {condition}{where}: its cells are empty.")
            elif condition == WORST and len({*_attacks(method), *_attacks((having or [method])[0])}) > 1:
                notes.append(f"{WORST} of {method.name} is left out: it was attacked by other attacks.")
            elif (
                is_robust(condition)
                and len(_suites(method, condition) | _suites((having or [method])[0], condition)) > 1
            ):
                notes.append(f"{condition} of {method.name} is left out: it was attacked by another suite.")
            else:
                having.append(method)
        cut = {
            seed: in_common({other.name: other.rows[seed][condition] for other in having if seed in other.runs})
            for seed in dict.fromkeys(seed for other in having for seed in other.runs)
        }
        for method in list(having):
            if any(method.name not in cut[seed] for seed in method.runs):
                having.remove(method)
                notes.append(f"{condition}: {method.name} has no examples in common with the others.")
        for name, by_seed in _on_common_languages(having, cut).items():
            for seed, rows in by_seed.items():
                kept[name][seed][condition] = rows
        notes += _left_out(having, kept, condition)
    return [replace(method, rows=kept[method.name]) for method in methods], notes


def _attacks(method: Method) -> set[frozenset[str]]:
    """The sets of attacks that the method's seeds were tested with."""
    return {frozenset(attacks_of(rows)) for rows in method.rows.values()}


def _suites(method: Method, condition: str) -> set[str | None]:
    """Hashes of the suites that a condition is about in the method's seeds."""
    return {suite_of(run, condition) for run in method.runs.values()}


def _on_common_languages(
    methods: Sequence[Method], cut: dict[int, dict[str, pd.DataFrame]]
) -> dict[str, dict[int, pd.DataFrame]]:
    """Rows by method and seed, of the languages that all of these have."""
    found = {method.name: {seed: cut[seed][method.name] for seed in method.runs} for method in methods}
    languages = [set(rows["language"]) for by_seed in found.values() for rows in by_seed.values()]
    common = set.intersection(*languages) if languages else set()
    if not common:
        return {}
    return {
        name: {seed: rows[rows["language"].isin(common)] for seed, rows in by_seed.items()}
        for name, by_seed in found.items()
    }


def _left_out(methods: Sequence[Method], kept: dict[str, dict[int, Rows]], condition: str) -> list[str]:
    counts = {}
    for method in methods:
        all_rows = sum(len(rows) for rows in method.frames(condition).values())
        kept_rows = sum(len(rows[condition]) for rows in kept[method.name].values() if condition in rows)
        if kept_rows < all_rows:
            counts[method.name] = all_rows - kept_rows
    if not counts:
        return []
    listed = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    return [
        f"{condition}: compared on the examples and languages that all methods have; left out over all seeds: {listed}."
    ]
