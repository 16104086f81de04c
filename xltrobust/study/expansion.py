"""The cells of a study: every combination of levels that is not excluded, once for each seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.study.definition import SEED, STAGE, Stage, Study
from xltrobust.study.resolving import config_hash, named_errors, resolved


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Args:
        name: the hash of its configuration, which its folder is called by.
        levels: of all factors, in their order.
        seed: of the run.
        stages: the stages that it is a part of.
        config: the run's whole configuration.
    """

    name: str
    levels: Mapping[str, str]
    seed: int
    stages: tuple[str, ...]
    config: dict[str, Any] = field(repr=False, compare=False)

    @property
    def combination(self) -> str:
        """The levels, without the seed, as tables show them."""
        return ", ".join(f"{factor}={level}" for factor, level in self.levels.items())

    def __str__(self) -> str:
        return f"{self.name} ({self.combination}, seed={self.seed})"


def cells_of(study: Study, folder: Path) -> list[Cell]:
    """All cells, stage by stage, and in a stage seed by seed: what is done of a stage is balanced.

    Args:
        study: what its file says.
        folder: of the study; cells are to be in its folder ``runs``.

    Raises:
        UserError: naming the levels, if ``fit`` refuses a configuration, or two cells are the same run.
    """
    found: dict[str, Cell] = {}
    for stage in study.stages:
        in_stage: dict[str, Cell] = {}
        configs = {}
        for seed, levels in itertools.product(stage.seeds, _combinations(stage)):
            if any(condition.holds(levels | {SEED: str(seed)}) for condition in stage.exclude):
                continue
            key = tuple(levels.values())
            if key not in configs:  # seeds differ in a single option
                configs[key] = _resolved(study, stage, levels, folder)
            config = configs[key] | {"seed_everything": seed}
            name = config_hash(config)
            if (same := in_stage.get(name)) is not None:
                raise UserError(
                    f"{study.name}: {same.combination} and {_shown(levels)} are the same runs (of seed {seed}): "
                    "exclude one of them, or correct a level that changes nothing."
                )
            stages = (*found[name].stages, stage.name) if name in found else (stage.name,)
            run = config | {"run_dir": str(folder / "runs" / name), "wandb": _wandb(config, study, levels, seed)}
            in_stage[name] = Cell(name, levels, seed, stages, run)
        found |= in_stage
    if not found:
        raise UserError(f"{study.name}: no cell is left: every combination is excluded.")
    return list(found.values())


def chosen(cells: list[Cell], only: list[str], stages: list[str]) -> list[Cell]:
    """The cells of some levels, seeds and stages.

    Args:
        cells: of the study.
        only: ``FACTOR=LEVEL``, or ``seed=NUMBER``; several of one factor add up.
        stages: names; none takes all.

    Raises:
        UserError: if a name is of no cell.
    """
    wanted: dict[str, set[str]] = {STAGE: set(stages)} if stages else {}
    for one in only:
        factor, sign, level = one.partition("=")
        if not sign:
            raise UserError(f"--only {one}: expected FACTOR=LEVEL.")
        wanted.setdefault(factor, set()).update(level.split(","))
    for factor, levels in wanted.items():
        known = {level for cell in cells for level in _all_levels(cell).get(factor, ())}
        if not levels <= known:
            given = f"--stage {min(levels - known)}" if factor == STAGE else f"--only {factor}={min(levels - known)}"
            raise UserError(f"{given}: no cell has it; there is {', '.join(sorted(known)) or 'no such factor'}.")
    return [cell for cell in cells if all(levels & _all_levels(cell)[factor] for factor, levels in wanted.items())]


def _all_levels(cell: Cell) -> dict[str, set[str]]:
    return {factor: {level} for factor, level in cell.levels.items()} | {
        SEED: {str(cell.seed)}, STAGE: set(cell.stages)
    }  # fmt: skip


def _combinations(stage: Stage) -> Iterator[dict[str, str]]:
    for levels in itertools.product(*stage.levels.values()):
        yield dict(zip(stage.levels, levels, strict=True))


def _resolved(study: Study, stage: Stage, levels: Mapping[str, str], folder: Path) -> dict[str, Any]:
    base = [*study.base, *stage.base]
    fragments = {f"{factor}={level}": study.factors[factor][level] for factor, level in levels.items()}
    nowhere = folder / "runs" / "none"
    try:
        return resolved([*base, *itertools.chain(*fragments.values())], nowhere)
    except UserError as error:
        blamed = ", ".join(named_errors(base, fragments, nowhere)) or _shown(levels)
        raise UserError(f"{study.name}, {blamed}: {error}") from None


def _wandb(config: Mapping[str, Any], study: Study, levels: Mapping[str, str], seed: int) -> dict[str, Any]:
    """W&B's options: runs of one combination are a group, and levels are tags, unless the study's file says so."""
    given = dict(config.get("wandb") or {})
    own = {
        "group": f"{study.name}/{_shown(levels)}",
        "tags": [study.name, *(f"{factor}={level}" for factor, level in levels.items()), f"seed={seed}"],
    }
    return given | {name: value for name, value in own.items() if given.get(name) is None}


def _shown(levels: Mapping[str, str]) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in levels.items())
