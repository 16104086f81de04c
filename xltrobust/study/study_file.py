"""Reads a study's file, and says in a line what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.reading import read_yaml
from xltrobust.study.definition import SEED, STAGE, Condition, Fragment, Stage, Study

_KEYS = ("name", "base", "factors", "exclude", "seeds", "stages", "keep_checkpoints", "report")
_STAGE_KEYS = ("base", "factors", "exclude", "seeds")


def read_study(path: Path) -> Study:
    """Reads a study's file.

    Raises:
        UserError: naming the file, and the factor, level, exclusion or stage that is wrong.
    """
    return _Reader(path).study()


class _Reader:
    """Reads one file; fragments named in it are looked for from its folder.

    Args:
        path: the study's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def study(self) -> Study:
        given = read_yaml(self.path)
        self._check_keys(given, _KEYS, "")
        name = given.get("name", self.path.stem)
        if not isinstance(name, str) or not name.strip() or "/" in name:
            raise self._error(f"name: expected a name that a folder can have, but got {name!r}")
        keep = given.get("keep_checkpoints", True)
        if not isinstance(keep, bool):
            raise self._error(f"keep_checkpoints: expected true or false, but got {keep!r}")
        if not isinstance(given.get("report", {}), dict):
            raise self._error(f"report: expected what the study's report needs, but got {given['report']!r}")
        if "base" not in given:
            raise self._error("base: name the configuration that all cells start from")
        base = self._fragments(given["base"], "base")
        factors = self._factors(given.get("factors"))
        every = {factor: tuple(levels) for factor, levels in factors.items()}
        seeds = self._seeds(given["seeds"], "seeds") if "seeds" in given else None
        exclude = self._conditions(given.get("exclude"), every, "exclude")
        whole = {"all": {}} if given.get("stages") is None else given["stages"]
        if not isinstance(whole, dict) or not whole:
            raise self._error("stages: expected stages by name")
        parts = {self._level(key, "stages"): part for key, part in whole.items()}
        stages = tuple(self._stage(key, part, every, exclude, seeds) for key, part in parts.items())
        resolved = {"name": name, "keep_checkpoints": keep, "base": list(base)}
        resolved |= {"factors": {factor: {k: list(v) for k, v in levels.items()} for factor, levels in factors.items()}}
        resolved |= {key: given[key] for key in ("exclude", "seeds", "report") if key in given}
        if given.get("stages") is not None:
            resolved["stages"] = {
                stage.name: (parts[stage.name] or {}) | ({"base": list(stage.base)} if stage.base else {})
                for stage in stages
            }
        return Study(name, base, factors, stages, keep, resolved)

    def _factors(self, given: Any) -> dict[str, dict[str, tuple[Fragment, ...]]]:
        if not isinstance(given, dict) or not given:
            raise self._error("factors: expected factors by name, each with its levels")
        factors = {}
        for factor, levels in given.items():
            if not isinstance(factor, str) or factor in (SEED, STAGE, "except"):
                raise self._error(f"factors: a factor cannot be called {factor!r}")
            if not isinstance(levels, dict) or not levels:
                raise self._error(f"factors.{factor}: expected levels by name, each a configuration file or options")
            factors[factor] = {
                self._level(level, f"factors.{factor}"): self._fragments(value, f"factors.{factor}.{level}")
                for level, value in levels.items()
            }
        return factors

    def _stage(
        self,
        name: str,
        given: Any,
        every: Mapping[str, tuple[str, ...]],
        exclude: tuple[Condition, ...],
        seeds: tuple[int, ...] | None,
    ) -> Stage:
        where = f"stages.{name}"
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise self._error(f"{where}: expected {', '.join(_STAGE_KEYS)}, but got {given!r}")
        self._check_keys(given, _STAGE_KEYS, where)
        own = self._seeds(given["seeds"], f"{where}.seeds") if "seeds" in given else seeds
        if own is None:
            raise self._error(
                "seeds: say which, such as [0, 1, 2]" + (f", here or in {where}" if name != "all" else "")
            )
        chosen = self._levels(given.get("factors") or {}, every, f"{where}.factors")
        return Stage(
            name,
            self._fragments(given.get("base") or {}, f"{where}.base"),
            {factor: chosen.get(factor, levels) for factor, levels in every.items()},
            exclude + self._conditions(given.get("exclude"), every, f"{where}.exclude"),
            own,
        )

    def _conditions(self, given: Any, every: Mapping[str, tuple[str, ...]], where: str) -> tuple[Condition, ...]:
        listed = given if isinstance(given, list) else [] if given is None else [given]
        found = []
        for one in listed:
            if not isinstance(one, dict) or not one.keys() - {"except"}:
                raise self._error(f"{where}: expected levels by factor, but got {one!r}")
            named = {factor: levels for factor, levels in one.items() if factor != "except"}
            unless = self._conditions(one.get("except"), every, f"{where}.except")
            found.append(Condition(self._levels(named, every, where, seeds=True), unless))
        return tuple(found)

    def _levels(
        self, given: Any, every: Mapping[str, tuple[str, ...]], where: str, seeds: bool = False
    ) -> dict[str, tuple[str, ...]]:
        if not isinstance(given, dict):
            raise self._error(f"{where}: expected levels by factor, but got {given!r}")
        found = {}
        for factor, levels in given.items():
            named = tuple(self._level(level, where) for level in (levels if isinstance(levels, list) else [levels]))
            if factor not in every and not (seeds and factor == SEED):
                raise self._error(f"{where}: there is no factor {factor!r} (there is {', '.join(every)})")
            for level in named:
                if factor in every and level not in every[factor]:
                    raise self._error(f"{where}: factor {factor} has no level {level!r} ({', '.join(every[factor])})")
            found[factor] = named
        return found

    def _seeds(self, given: Any, where: str) -> tuple[int, ...]:
        """A list of seeds, or the first of them and their number."""
        if isinstance(given, dict) and given.keys() == {"first", "number"}:
            first, number = given["first"], given["number"]
            given = list(range(first, first + number)) if isinstance(first, int) and isinstance(number, int) else None
        good = isinstance(given, list) and given and all(isinstance(seed, int) and seed >= 0 for seed in given)
        if not good or len(set(given)) < len(given):
            raise self._error(
                f"{where}: expected different whole numbers, such as [0, 1, 2] or {{first: 0, number: 3}}, but got "
                f"{given!r}"
            )
        return tuple(given)

    def _fragments(self, given: Any, where: str) -> tuple[Fragment, ...]:
        """A file of options, options, or a list of these."""
        if given is None or given == {}:
            return ()
        if isinstance(given, list):
            return tuple(fragment for one in given for fragment in self._fragments(one, where))
        if isinstance(given, str):
            path = self.path.parent / given
            if not path.is_file():
                raise self._error(f"{where}: {path}: no such file")
            return (read_yaml(path),)
        if isinstance(given, dict):
            return (given,)
        raise self._error(f"{where}: expected a configuration file or options, but got {given!r}")

    def _level(self, name: Any, where: str) -> str:
        if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
            raise self._error(f"{where}: expected a name, but got {name!r}; put it in quotes")
        if set(str(name)) & set(",=/"):
            raise self._error(f"{where}: {name!r}: names have no comma, equals sign or slash")
        return str(name)

    def _check_keys(self, given: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
        for key in given:
            if key not in known:
                raise self._error(f"{where + ': ' if where else ''}no part is called {key!r} ({', '.join(known)})")

    def _error(self, problem: str) -> UserError:
        return UserError(f"{self.path}: {problem.rstrip('.')}.")
