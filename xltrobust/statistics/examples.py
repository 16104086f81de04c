"""The examples of a study in one long table: which cell and seed answered which item, and whether it was right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from xltrobust.errors import UserError
from xltrobust.files import atomic_write
from xltrobust.metrics.coverage import WORST
from xltrobust.runs.finished import Run, load_run

CLEAN = "clean"
SCHEMA = 1
# Beside the factors. ``group`` is what examples that are right and wrong together share: a template, a translated item.
COLUMNS = ("cell", "seed", "language", "item", "group", "condition", "correct", "queries")
_TEXTS = ("cell", "language", "item", "group", "condition")
_KEY = ["cell", "seed", "condition", "language", "item"]


@dataclass(frozen=True)
class Cell:
    """One cell of a study's design.

    Args:
        name: unique among the study's cells.
        factors: its level of each factor, by the factor's name; every cell has the same factors.
        runs: folders of finished runs, one a seed.
    """

    name: str
    factors: Mapping[str, str]
    runs: Sequence[str | Path] = field(default=())


@dataclass(frozen=True)
class Examples:
    """All examples of all runs of a study, of one test split.

    Args:
        table: one row an example, condition, and run; columns :data:`COLUMNS` and one for each factor. A run is a cell
            with a seed. ``condition`` is ``"clean"`` or an attack's name, ``correct`` is 0 or 1, ``queries`` is empty
            for clean texts.
        factors: the names of the factors, in order.
        source: the language that all runs were trained on.
    """

    table: pd.DataFrame
    factors: tuple[str, ...]
    source: str

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The levels of each factor, indexed by the cell's name, in the table's order."""
        return self.table[["cell", *self.factors]].drop_duplicates("cell").set_index("cell").astype(str)

    @property
    def conditions(self) -> list[str]:
        """The conditions, in the table's order."""
        return [str(name) for name in self.table["condition"].unique()]

    @property
    def targets(self) -> list[str]:
        """The languages but the source, sorted."""
        return sorted({str(name) for name in self.table["language"].unique()} - {self.source})

    def condition(self, name: str) -> pd.DataFrame:
        """The rows of one condition in the target languages.

        Args:
            name: a condition of the table, or ``"worst"``: an item is right if it is right under all of the run's
                attacks, counted over the items that all of the study's attacks were tried on.

        Raises:
            UserError: if there is none of this name.
        """
        rows = self.table[self.table["language"] != self.source]
        if name in self.conditions:
            return rows[rows["condition"] == name]
        attacks = [each for each in self.conditions if each != CLEAN]
        if name != WORST or not attacks:
            raise UserError(f"no condition {name!r} among the study's examples; there is {', '.join(self.conditions)}.")
        attacked = rows[rows["condition"] != CLEAN]
        keys = ["cell", "seed", "language", "item"]
        grouped = attacked.groupby(keys, observed=True, sort=False)
        same = {name: (name, "first") for name in (*self.factors, "group")}
        found = grouped.agg(
            **same, correct=("correct", "min"), queries=("queries", "sum"), tried=("correct", "size")
        ).reset_index()  # fmt: skip
        found = found[found["tried"] == len(attacks)].drop(columns="tried")
        return found.assign(condition=WORST)[list(self.table.columns)]

    def save(self, path: str | Path) -> None:
        """Writes the table as one Parquet file, whole or not at all; factors and source are in the file's metadata."""
        about = {"schema": SCHEMA, "factors": list(self.factors), "source": self.source}
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"xltrobust": json.dumps(about)})
        with atomic_write(Path(path)) as temporary:
            parquet.write_table(table, temporary, compression="zstd")


def open_examples(path: str | Path) -> Examples:
    """Reads what :meth:`Examples.save` wrote.

    Raises:
        UserError: if the file is missing, unreadable, or no table of examples.
    """
    try:
        read = parquet.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not found.") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}).") from None
    about = json.loads((read.schema.metadata or {}).get(b"xltrobust", b"{}"))
    if about.get("schema") != SCHEMA:
        raise UserError(f"{path}: no table of a study's examples of schema {SCHEMA}; `Examples.save` writes one.")
    if missing := [name for name in (*COLUMNS, *about["factors"]) if name not in read.column_names]:
        raise UserError(f"{path}: expected columns {', '.join(missing)}, but got {', '.join(read.column_names)}.")
    return _checked(read.to_pandas(), tuple(about["factors"]), about["source"], str(path))


def join_examples(parts: Sequence[Examples]) -> Examples:
    """One table of several, as results from several machines are.

    Raises:
        UserError: if a run is in two of them, a cell has other levels of factors, or they differ in factors or source.
    """
    first = parts[0]
    for other in parts[1:]:
        if (other.factors, other.source) != (first.factors, first.source):
            raise UserError(
                f"cannot join examples of factors {', '.join(other.factors)} from source {other.source!r} to those of "
                f"{', '.join(first.factors)} from {first.source!r}."
            )
    seen: set[tuple[str, int]] = set()
    for part in parts:
        runs = {(str(cell), int(seed)) for cell, seed in part.table[["cell", "seed"]].drop_duplicates().to_numpy()}
        if twice := sorted(seen & runs):
            raise UserError(f"cell {twice[0][0]!r} with seed {twice[0][1]} is in two of the tables: leave one out.")
        seen |= runs
    plain = [part.table.astype(dict.fromkeys((*_TEXTS, *first.factors), "str")) for part in parts]
    return _checked(pd.concat(plain, ignore_index=True), first.factors, first.source, "the joined tables")


def examples_of_runs(cells: Sequence[Cell], split: str = "test") -> Examples:
    """Reads the predictions of a study's runs into one table.

    Args:
        cells: the study's cells with their runs.
        split: the test split.

    Raises:
        UserError: if a run is unfinished or unreadable, two runs of a cell have one seed, cells differ in factors, runs
            differ in their source language, or an item's text or label is not the same in all runs.
    """
    if not cells or len({cell.name for cell in cells}) < len(cells):
        raise UserError(
            f"expected cells of different names, but got {', '.join(cell.name for cell in cells) or 'none'}."
        )
    factors = tuple(cells[0].factors)
    frames: list[pd.DataFrame] = []
    texts = pd.Series(dtype=object)
    source, first = "", ""
    for cell in cells:
        if tuple(cell.factors) != factors:
            raise UserError(f"cell {cell.name!r}: expected factors {', '.join(factors)}, but got {list(cell.factors)}.")
        seeds: dict[int, Path] = {}
        for run in map(load_run, cell.runs):
            seed = run.results.get("seed")
            if not isinstance(seed, int) or seed in seeds:
                other = f" as {seeds[seed]} has" if seed in seeds else ""
                raise UserError(f"{run.path}: seed {seed}{other}; cell {cell.name!r} needs one run a seed.")
            seeds[seed] = run.path
            if source and run.results["source"] != source:
                raise UserError(f"{run.path} was trained on {run.results['source']!r}, but {first} on {source!r}.")
            source, first = run.results["source"], first or str(run.path)
            rows = run.predictions[run.predictions["split"] == split]
            if rows.empty:
                known = ", ".join(dict.fromkeys(run.predictions["split"]))
                raise UserError(f"{run.path / 'predictions.parquet'}: no split {split!r}; there is {known}.")
            texts = _same_texts(texts, rows, run)
            frames.append(_rows_of_run(rows, cell, seed))
    if not frames:
        raise UserError("expected at least one finished run in the study's cells, but got none.")
    return _checked(pd.concat(frames, ignore_index=True), factors, source, "the runs' predictions")


def _rows_of_run(rows: pd.DataFrame, cell: Cell, seed: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cell": cell.name,
            **{name: str(level) for name, level in cell.factors.items()},
            "seed": seed,
            "language": rows["language"],
            "item": rows["id"],
            "group": rows["group"],
            "condition": rows["attack"].fillna(CLEAN),
            "correct": rows["correct"].astype("int8"),
            "queries": rows["queries"],
        }
    )


def _same_texts(known: pd.Series, rows: pd.DataFrame, run: Run) -> pd.Series:
    """The content of all items so far; refuses an item that had another text or label in an earlier run."""
    content = rows["label"].astype(str) + "\t" + rows["text"].fillna("") + "\t" + rows["text_pair"].fillna("")
    here = pd.Series(content.to_numpy(), index=pd.MultiIndex.from_frame(rows[["language", "id"]]), dtype=object)
    here = here[~here.index.duplicated()]
    both = known.index.intersection(here.index) if len(known) else known.index
    differs = both[(known[both] != here[both]).to_numpy()] if len(both) else both
    if len(differs):
        language, item = differs[0]
        raise UserError(f"{run.path}: {language}/{item} has another text or label than in the runs before it.")
    if not len(known):
        return here
    fresh = here.index.difference(known.index)
    return pd.concat([known, here[fresh]]) if len(fresh) else known


def _checked(table: pd.DataFrame, factors: tuple[str, ...], source: str, where: str) -> Examples:
    """Compact types, in the order of the columns, with the table's promises checked."""
    if clash := set(factors) & set(COLUMNS):
        raise UserError(f"{where}: a factor cannot be called {min(clash)!r}, which is a column of its own.")
    columns = ["cell", *factors, *COLUMNS[1:]]
    table = table[columns].astype(dict.fromkeys((*_TEXTS, *factors), "category") | {"correct": "int8"})
    for name in set(columns) - {"queries"}:
        if table[name].isna().any():
            raise UserError(f"{where}: expected column {name} to be filled, but some rows are empty.")
    if not table["correct"].isin((0, 1)).all():
        raise UserError(f"{where}: expected column correct to hold 0 and 1.")
    twice = table.duplicated(_KEY)
    if twice.any():
        listed = "/".join(map(str, table.loc[twice, _KEY].iloc[0]))
        raise UserError(f"{where}: expected one row an item, condition and run, but got more of {listed}.")
    levels = table[["cell", *factors]].drop_duplicates()
    if (mixed := levels["cell"].duplicated()).any():
        raise UserError(f"{where}: cell {levels.loc[mixed, 'cell'].iloc[0]!r} has more than one level of a factor.")
    return Examples(table.reset_index(drop=True), factors, source)
