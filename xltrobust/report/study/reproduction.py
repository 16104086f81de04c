"""How to make a study's numbers again: commands, configurations, code, versions, processors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from xltrobust.report.about import processor
from xltrobust.report.blocks import Block, Code, Facts, Prose
from xltrobust.report.study.load import StudyReport, StudyRun
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.statistics.examples import CLEAN


def reproduction(report: StudyReport) -> Iterator[Block]:
    """Commands, what all runs have in common, and a table of all runs."""
    folder = shlex.quote(str(report.folder))
    runs = [run for own in report.runs.values() for run in own]
    yield Prose(
        "The folder's `study.yaml` has everything that the cells were made from. This makes those that are missing, "
        "and then this report:"
    )
    stated = shlex.quote(str(report.folder / "study.yaml"))
    yield Code(f"xltrobust study --config {stated} --folder {folder}\nxltrobust report {folder}", "bash")
    one = runs[0]
    choice = " ".join(f"--only {shlex.quote(f'{factor}={level}')}" for factor, level in one.levels.items())
    yield Prose("One cell alone, for example the first of the table below:")
    yield Code(f"xltrobust study --config {stated} --folder {folder} {choice} --only seed={one.seed}", "bash")
    yield Facts(common(runs))
    yield run_table(report)


def common(runs: list[StudyRun]) -> dict[str, str]:
    """What runs record of their code and machines; where they differ, each with the number of runs."""
    facts = {
        "commit": _counted([_commit(run.results) for run in runs]),
        "package's source": _counted([str(run.results.get("code") or "") for run in runs]),
        "processor": _counted([processor(run.results.get("machine") or {}) for run in runs]),
        "versions": _counted([
            ", ".join(f"{name} {version}" for name, version in (run.results.get("versions") or {}).items())
            for run in runs
        ]),
        "suites of attacks": _counted([
            ", ".join(f"{name} ({suite['hash'][:12]})" for name, suite in (run.results.get("suites") or {}).items())
            for run in runs
        ]),
        "encoder": _counted([str(run.results.get("encoder") or "") for run in runs]),
        "task": _counted([str(run.results.get("task") or "") for run in runs]),
    }  # fmt: skip
    return {name: fact for name, fact in facts.items() if fact}


def run_table(report: StudyReport) -> Table:
    """Every run: its configuration's hash, code, processor, and mean accuracy over the targets by condition."""
    means = {
        condition: dict(zip(counts.runs, counts.means.tolist(), strict=True))
        for condition, counts in report.counts.items()
    }
    columns = [
        ("arm", ""), ("seed", ""), ("configuration", "hash and folder"), ("commit", ""), ("processor", ""),
        *((condition, "clean texts" if condition == CLEAN else "under attack") for condition in means),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for cell, runs in report.runs.items():
        for run in runs:
            own = [means[condition].get((cell, run.seed)) for condition in means]
            machine = str((run.results.get("machine") or {}).get("processor") or "")
            rows.append([
                cell, str(run.seed), run.name, _commit(run.results)[:10], machine,
                *("" if value is None else percent(value) for value in own),
            ])  # fmt: skip
    return Table("Every run: accuracy in %, mean over the target languages", columns, rows)


def _commit(results: Any) -> str:
    commit = str(results.get("commit") or "")
    return commit + " (with local changes)" * bool(commit and results.get("dirty"))


def _counted(values: list[str]) -> str:
    different = list(dict.fromkeys(values))
    if len(different) == 1:
        return different[0]
    return "; ".join(f"{value or 'not recorded'}: {values.count(value)} runs" for value in different)
