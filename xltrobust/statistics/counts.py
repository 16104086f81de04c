"""Right answers of every run by language and group, over the items that all runs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xltrobust.errors import UserError
from xltrobust.statistics.examples import Examples


@dataclass(frozen=True)
class Counts:
    """Counts of one condition: R runs, G groups of items, L languages.

    Args:
        runs: cell and seed of each run.
        languages: the target languages.
        groups: names of the groups.
        correct: shape (R, G, L), the number of right answers.
        of: shape (G, L), the number of items, the same in all runs.
        left_out: items that some run lacks, over all languages.
    """

    runs: list[tuple[str, int]]
    languages: list[str]
    groups: list[str]
    correct: NDArray[np.int64]
    of: NDArray[np.int64]
    left_out: int = 0

    @property
    def cells(self) -> list[str]:
        """The cells, in the order of their first runs."""
        return list(dict.fromkeys(cell for cell, _ in self.runs))

    def seeds(self, cell: str) -> list[int]:
        """The seeds of a cell's runs, in the order of the runs."""
        return [seed for name, seed in self.runs if name == cell]

    def rows(self, cell: str) -> NDArray[np.intp]:
        """The indices of a cell's runs.

        Raises:
            UserError: if there is no such cell.
        """
        found = [at for at, (name, _) in enumerate(self.runs) if name == cell]
        if not found:
            raise UserError(f"no runs of a cell {cell!r}; there are {', '.join(self.cells)}.")
        return np.array(found)

    @cached_property
    def by_language(self) -> NDArray[np.float64]:
        """The accuracy of each run in each language, shape (R, L)."""
        return self.correct.sum(1) / self.of.sum(0)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """The accuracy of each run, a mean over languages of equal weight, shape (R,)."""
        return self.by_language.mean(1)

    def only(self, cells: Sequence[str]) -> Counts:
        """The same of some cells alone."""
        at = np.concatenate([self.rows(cell) for cell in cells])
        return replace(self, runs=[self.runs[row] for row in at], correct=self.correct[at])


def count_examples(examples: Examples, condition: str, cells: Sequence[str] | None = None) -> Counts:
    """Counts right answers under a condition, over the (language, item) that all runs have, so that all are comparable.

    Args:
        examples: the study's examples.
        condition: as :meth:`~xltrobust.statistics.examples.Examples.condition` takes it.
        cells: these cells only.

    Raises:
        UserError: if there is no such condition or cell, or no item that all runs have.
    """
    rows = examples.condition(condition)
    if cells is not None:
        if missing := [cell for cell in cells if cell not in examples.cells.index]:
            raise UserError(f"no cell {missing[0]!r} in the study; there are {', '.join(examples.cells.index)}.")
        rows = rows[rows["cell"].isin(cells)]
    known = list(cells) if cells is not None else list(examples.cells.index)
    run_of = rows[["cell", "seed"]].astype({"cell": "str"}).drop_duplicates()
    runs = sorted(
        ((str(cell), int(seed)) for cell, seed in run_of.to_numpy()), key=lambda run: (known.index(run[0]), run[1])
    )
    run_at = pd.MultiIndex.from_tuples(runs).get_indexer(pd.MultiIndex.from_frame(rows[["cell", "seed"]]))
    place_at, places = pd.factorize(pd.MultiIndex.from_frame(rows[["language", "item"]].astype("str")))
    everywhere = np.bincount(place_at, minlength=len(places)) == len(runs)
    if not everywhere.any():
        raise UserError(f"{condition}: no item that all {len(runs)} runs were tested on.")
    kept = everywhere[place_at]
    language_at, languages = pd.factorize(rows["language"].astype("str"), sort=True)
    group_at, groups = pd.factorize(rows["group"].astype("str"), sort=True)
    kept_languages = np.unique(language_at[kept])
    shape = (len(runs), len(groups), len(languages))
    cell_at = np.ravel_multi_index((run_at, group_at, language_at), shape)[kept]
    size = int(np.prod(shape))
    of = np.bincount(cell_at, minlength=size).reshape(shape)
    right = rows["correct"].to_numpy()[kept]
    correct = np.bincount(cell_at, weights=right, minlength=size).astype(np.int64).reshape(shape)
    if (of != of[0]).any():
        raise UserError(f"{condition}: an item belongs to different groups in different runs.")
    there = of[0].any(1)
    return Counts(
        runs,
        [str(name) for name in languages[kept_languages]],
        [str(name) for name in groups[there]],
        correct[:, there][:, :, kept_languages],
        of[0][there][:, kept_languages],
        int((~everywhere).sum()),
    )
