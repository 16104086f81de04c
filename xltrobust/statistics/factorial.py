"""The two-by-two of a study: which cells make it, and the weights of its main effects and interaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from xltrobust.errors import UserError


@dataclass(frozen=True)
class Factorial:
    """Which cells make the two-by-two: by two factors, or by the levels of one.

    Args:
        mechanism: the factor's name, and its levels for augmentation and representation.
        granularity: the factor's name, and its levels for words and sentences.
        where: levels of other factors that these cells have, e.g. ``{"task": "sib200", "robust": "none"}``.
        arm: where one factor holds both, its name.
        arms: for its levels, the level of mechanism and of granularity that each stands for, e.g. ``{"W-A":
            ("augmentation", "word"), ...}``; then the study need not have these two as factors.
    """

    mechanism: tuple[str, str, str] = ("mechanism", "augmentation", "representation")
    granularity: tuple[str, str, str] = ("granularity", "word", "sentence")
    where: Mapping[str, str] = field(default_factory=dict)
    arm: str = "arm"
    arms: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def cells(self, cells: pd.DataFrame) -> dict[tuple[str, str], str]:
        """The cell of each (mechanism, granularity) that the study has.

        Args:
            cells: levels by cell (:attr:`~xltrobust.statistics.examples.Examples.cells`).

        Raises:
            UserError: if a factor is unknown, or two cells have the same two levels.
        """
        factors = (self.arm,) if self.arms else (self.mechanism[0], self.granularity[0])
        for factor in (*factors, *self.where):
            if factor not in cells:
                raise UserError(f"no factor {factor!r} in the study; there are {', '.join(map(str, cells.columns))}.")
        found: dict[tuple[str, str], str] = {}
        for name, levels in cells.iterrows():
            if self.arms:
                place = self.arms.get(str(levels[self.arm]), ("", ""))
            else:
                place = (str(levels[self.mechanism[0]]), str(levels[self.granularity[0]]))
            fits = all(levels[factor] == level for factor, level in self.where.items())
            if not fits or place[0] not in self.mechanism[1:] or place[1] not in self.granularity[1:]:
                continue
            if place in found:
                raise UserError(
                    f"cells {found[place]!r} and {str(name)!r} are both {' and '.join(place)}: tell them apart by "
                    "a level of another factor (`where`)."
                )
            found[place] = str(name)
        return found

    def weights(self, cells: pd.DataFrame) -> dict[str, dict[str, float]]:
        """The weights, by cell, of both main effects and of their interaction.

        With all four cells a main effect is a mean over the other factor, and the interaction is a difference of
        differences: augmentation minus representation of words, minus the same of sentences. Where a cell is missing, a
        main effect is over the levels that have both of its cells, which its name says, and there is no interaction.

        Raises:
            UserError: as :meth:`cells`, or if there is no main effect.
        """
        table = self.cells(cells)
        (mechanism, *mechanisms), (granularity, *granularities) = self.mechanism, self.granularity
        first, second = mechanisms
        by_mechanism = {level: ((first, level), (second, level)) for level in granularities}
        first, second = granularities
        by_granularity = {level: ((level, first), (level, second)) for level in mechanisms}
        found: dict[str, dict[str, float]] = {}
        for factor, pairs in ((mechanism, by_mechanism), (granularity, by_granularity)):
            there = {level: pair for level, pair in pairs.items() if pair[0] in table and pair[1] in table}
            share = 1 / max(1, len(there))
            weights = {table[pair[side]]: sign * share for pair in there.values() for side, sign in ((0, 1), (1, -1))}
            if there:
                found[factor if len(there) == 2 else f"{factor} ({', '.join(there)})"] = weights
        if not found:
            raise UserError(f"no two cells that differ in {mechanism} or {granularity} alone.")
        if len(table) == 4:
            found["interaction"] = {
                cell: 1.0 if (place[0] == mechanisms[0]) == (place[1] == granularities[0]) else -1.0
                for place, cell in table.items()
            }
        return found
