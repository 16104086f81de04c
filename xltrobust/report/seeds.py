"""``python -m xltrobust.report.seeds METHOD [METHOD …]``: Compare methods over seeds; each folder holds one run a seed.

The first method is what the others are compared with, run by run of equal seed, on the examples that all of them have.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from xltrobust.command import run_command, user_errors
from xltrobust.errors import OneLineParser
from xltrobust.files import atomic_write, check_folder
from xltrobust.report.conditions import CLEAN
from xltrobust.report.markdown import escape, table_to_markdown
from xltrobust.report.methods import Method, on_common_examples, read_methods
from xltrobust.report.notes import contrasts
from xltrobust.report.over_seeds import clean_estimates, common_seeds, differences, estimates
from xltrobust.report.tables.accuracy import titled
from xltrobust.report.tables.alignment import alignment_by_method
from xltrobust.report.tables.base import Cell, Estimate, Table, count_range, percent

_METHOD = (
    "Brackets: 95 % confidence intervals, over test examples and over seeds together. *: the interval of the "
    "difference excludes 0."
)


def seed_tables(methods: Sequence[Method]) -> tuple[list[Table], list[str]]:
    """Methods by conditions; then languages by methods for each condition, as differences to the first; and notes.

    All on the examples that all methods have, so that averages and their differences are over the same.

    Raises:
        UserError: if a method has no seed in common with the first.
    """
    methods, notes = on_common_examples(methods)
    baseline = methods[0]
    for method in methods[1:]:
        seeds = common_seeds(method, baseline)
        if not len(seeds) == len(method.runs) == len(baseline.runs):
            listed = ", ".join(map(str, seeds))
            notes.append(f"differences of {method.name} are over seed {listed} alone, which {baseline.name} has too.")
    if len(methods) > 1:
        notes.append(contrasts(f"runs of {baseline.name}", len(methods) > 2))
    conditions = list(dict.fromkeys(name for method in methods for name in method.conditions))
    cells = {(m.name, c): _own_cells(m, c, baseline.source) for m in methods for c in conditions if c in m.conditions}
    change = {
        (m.name, c): _difference_cells(m, baseline, c)
        for m in methods[1:]
        for c in conditions
        if c in m.conditions and c in baseline.conditions
    }
    header = [("method", ""), ("seeds", ""), ("passes", "a run")]
    rows: list[list[Cell]] = []
    for method in methods:
        passes = [run.results.get("passes", {}).get("plain_passes") for run in method.runs.values()]
        known = [value for value in passes if value is not None]
        row: list[Cell] = [method.name, str(len(method.runs)), f"{statistics.mean(known):.2f}" if known else ""]
        for condition in conditions:
            row += [own.get((method.name, condition), {}).get("avg", "") for own in (cells, change)]
        rows.append(row)
    for condition in conditions:
        header += [(condition, f"avg (targets), {_counts(methods, condition)}"), ("difference", f"to {baseline.name}")]
    attacked = any(name != CLEAN for name in conditions)
    title = titled("Accuracy in %, means over seeds and target languages", attacked)
    found = [Table(title, header, rows)]
    for condition in conditions:
        first = cells.get((baseline.name, condition), {})
        names = list(first or next(own for (_, name), own in cells.items() if name == condition))
        counts = _counts(methods, condition)
        columns = [("language", ""), (baseline.name, counts), *((m.name, "difference") for m in methods[1:])]
        by_language: list[list[Cell]] = [
            [name, first.get(name, ""), *(change.get((m.name, condition), {}).get(name, "") for m in methods[1:])]
            for name in names
        ]
        title = titled(f"{condition}: accuracy in % and differences", condition != CLEAN)
        found.append(Table(title, columns, by_language))
    aligned = alignment_by_method({method.name: list(method.runs.values()) for method in methods})
    return [*found, *aligned, _by_seed(methods, conditions, baseline.source)], notes


def _own_cells(method: Method, condition: str, source: str) -> dict[str, Cell]:
    before = clean_estimates(method, condition, source)
    return {
        name: Estimate(own, before=before[name].value if name in before else None)
        for name, own in estimates(method, condition, source).items()
    }


def _difference_cells(method: Method, baseline: Method, condition: str) -> dict[str, Cell]:
    return {name: Estimate(own, signed=True) for name, own in differences(method, baseline, condition).items()}


def _counts(methods: Sequence[Method], condition: str) -> str:
    """How many examples a language the methods are compared on."""
    frames = [own for method in methods if condition in method.conditions for own in method.frames(condition).values()]
    return count_range([int(count) for own in frames for count in own["language"].value_counts()])


def _by_seed(methods: Sequence[Method], conditions: Sequence[str], source: str) -> Table:
    """The average over targets of every single run."""
    rows: list[list[Cell]] = []
    for method in methods:
        for seed, frames in method.rows.items():
            row: list[Cell] = [method.name, str(seed)]
            for condition in conditions:
                if condition not in method.conditions or not method.averaged(condition):
                    row.append("")
                    continue
                frame = frames[condition]
                targets = frame[frame["language"] != source]
                row.append(percent(float(targets.groupby("language")["correct"].mean().mean())) if len(targets) else "")
            rows.append([*row, str(method.runs[seed].results.get("commit") or "")[:7]])
    header = [("method", ""), ("seed", ""), *((condition, "avg (targets)") for condition in conditions), ("commit", "")]
    return Table("Every run", header, rows)


def main(arguments: Sequence[str]) -> None:
    """Prints how methods compare over seeds.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="python -m xltrobust.report.seeds", description=__doc__.split(":", 1)[1])
    parser.add_argument("methods", nargs="+", type=Path, metavar="METHOD", help="folder with one run a seed")
    parser.add_argument("--output", type=Path, help="write the tables to this Markdown file")
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    given = parser.parse_args(list(arguments))
    with user_errors(OSError):
        if given.output:
            check_folder(given.output.parent, "--output: the folder")
        found, notes = seed_tables(read_methods(given.methods, given.split))
        parts = [f"## {escape(table.title)}\n\n{table_to_markdown(table)}" for table in found]
        text = "\n\n".join([*parts, "\n".join(f"- {escape(note)}" for note in [_METHOD, *notes])]) + "\n"
        if given.output:
            with atomic_write(given.output) as temporary:
                temporary.write_text(text, encoding="utf8")
        print(text, end="")


def command() -> None:
    """The shell's."""
    run_command("report", main)


if __name__ == "__main__":
    command()
