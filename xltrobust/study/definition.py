"""What a study is: base configuration, factors with their levels, exclusions, seeds and stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fragment = dict[str, Any]  # a piece of a configuration of `fit`, nested
SEED, STAGE = "seed", "stage"


@dataclass(frozen=True)
class Condition:
    """Which cells: those whose levels are all among the ones named, except those of a nested condition.

    Args:
        levels: for each factor named, the levels that meet the condition; seeds are levels of the factor ``seed``.
        unless: nested conditions, each of which takes cells out again.
    """

    levels: Mapping[str, tuple[str, ...]]
    unless: tuple[Condition, ...] = ()

    def holds(self, levels: Mapping[str, str]) -> bool:
        """Whether a cell meets the condition.

        >>> strong = Condition({"share": ("high",)}, (Condition({"arm": ("S-R", "W-R")}),))
        >>> strong.holds({"arm": "S-A", "share": "high"}), strong.holds({"arm": "S-R", "share": "high"})
        (True, False)
        """
        named = all(levels[factor] in allowed for factor, allowed in self.levels.items())
        return named and not any(condition.holds(levels) for condition in self.unless)


@dataclass(frozen=True)
class Stage:
    """A part of a study that is run, and written up, by itself.

    Args:
        name: of the stage.
        base: fragments on top of the study's base.
        levels: for each factor, the levels that the stage crosses.
        exclude: cells that are left out.
        seeds: one run of each remaining cell for each.
    """

    name: str
    base: tuple[Fragment, ...]
    levels: Mapping[str, tuple[str, ...]]
    exclude: tuple[Condition, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """What a study's file says.

    Args:
        name: of the study; by default the file's.
        base: the configuration that all cells start from, as fragments of which later ones go on top.
        factors: by name, levels in their order, each with its fragments.
        stages: at least one.
        keep_checkpoints: whether the weights of finished cells stay on the disk.
        resolved: the file's content with the content of other files in place of their names.
    """

    name: str
    base: tuple[Fragment, ...]
    factors: Mapping[str, Mapping[str, tuple[Fragment, ...]]]
    stages: tuple[Stage, ...]
    keep_checkpoints: bool = True
    resolved: dict[str, Any] = field(default_factory=dict, compare=False)
