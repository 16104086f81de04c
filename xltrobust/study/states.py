"""How far the cells of a study have got, and by which code, read from their runs' folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from xltrobust.arguments import hash_of
from xltrobust.errors import UserError
from xltrobust.files import write_json
from xltrobust.reading import read_json
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import code_hash, git_state, package_versions

RECORD = "cell.json"  # in a run's folder: which code began it, how often it was started, how long it took


class State(StrEnum):
    """How far a cell has got."""

    NEW = "new"
    BEGUN = "begun"  # it is resumed from its last checkpoint
    DONE = "done"


@dataclass(frozen=True)
class Made:
    """How far a run has got, and by which code.

    Args:
        state: how far.
        code: ``code``, ``commit``, ``dirty``, ``versions`` and ``suite``, as far as known; empty for a new run.
        attacks: a hash of what a finished run's configuration says of attacks.
        processor: the kind of processor of a finished run.
        seconds: how long a finished run took, if it was made at one go.
    """

    state: State
    code: Mapping[str, Any]
    attacks: str | None = None
    processor: str | None = None
    seconds: float | None = None


def code_here() -> dict[str, Any]:
    """The code of this process: what :func:`other_code` compares."""
    return {**git_state(), "code": code_hash(), "versions": package_versions()}


def made(run: RunFolder) -> Made:
    """How far a run has got, and by which code.

    Raises:
        UserError: if its files are damaged.
    """
    state, record = state_of(run), read_record(run)
    if state is State.DONE:
        results = run.finished
        known = {name: results[name] for name in ("code", "commit", "dirty", "versions") if name in results}
        began = (record.get("code") or {}).get("code")
        if began not in (None, known.get("code")):
            known["code"] = f"{began} and {known.get('code')}"  # other code went on with it: it is neither's
        seconds = record.get("seconds") if record.get("attempts") == 1 else None
        processor = results.get("machine", {}).get("processor")
        return Made(State.DONE, known | {"suite": suite(run)}, hash_of(_adversarial(run)), processor, seconds)
    return Made(state, record.get("code", {}) if state is State.BEGUN else {})


def state_of(run: RunFolder) -> State:
    """How far a run has got.

    Raises:
        UserError: if it has finished, and a file is missing or damaged.
    """
    if run.results.exists():
        if not run.predictions.exists():
            raise UserError(f"{run.predictions}: not found, though the run has finished; delete {run.path}.")
        _ = run.finished  # checks it
        return State.DONE
    return State.BEGUN if run.last.exists() or run.previous.exists() else State.NEW


def read_record(run: RunFolder) -> dict[str, Any]:
    """What a run's folder records of the cell."""
    path = run.path / RECORD
    return read_json(path) if path.exists() else {}


def suite(run: RunFolder) -> str | None:
    """The hash of the attacks that a finished run's configuration names, as they were recorded; None without attacks.

    Attacks that were added later do not count.
    """
    from xltrobust.evaluation.tracking import attack_config  # take long to import
    from xltrobust.perturb.suite import load_suite

    given = _adversarial(run)
    named, mode, suites = [*(given.get("attacks") or {})], given.get("suite_mode") or "full", {}
    if name := given.get("suite"):
        named += load_suite(name).all if mode == "full" else ()
        recorded = (run.finished.get("suites") or {}).get(name)
        suites = {name: recorded | {"mode": mode}} if recorded else {}
    records = run.finished.get("attacks") or {}
    recipes = {name: records[name].get("recipe") for name in named if name in records}
    found: str | None = attack_config(recipes, suites)["suite"]
    return found


def _adversarial(run: RunFolder) -> dict[str, Any]:
    """What a run's configuration says of the attacks of its test."""
    given = run.options.get("adversarial") or {}
    return {name: given[name] for name in ("attacks", "suite", "suite_mode") if name in given}


def other_code(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """What shows that two runs were made by different code; None if nothing does.

    >>> other_code({"code": "a", "commit": "1"}, {"code": "a", "commit": "2"})
    >>> other_code({"code": "a", "versions": {"torch": "2"}}, {"code": "a", "versions": {"torch": "3"}})
    'torch 2 there, 3 here'
    """
    if "code" in there and "code" in here:
        if there["code"] != here["code"]:
            return f"the package's source at commit {_commit(there)} there, {_commit(here)} here"
    elif there.get("commit") is None or there.get("dirty") or there.get("commit") != here.get("commit"):
        return f"commit {_commit(there)} there, {_commit(here)} here"
    before, now = there.get("versions") or {}, here.get("versions") or {}
    for package in before.keys() & now.keys():
        if before[package] != now[package] and package != "xltrobust":  # the source tells
            return f"{package} {before[package]} there, {now[package]} here"
    if (attacks := {there.get("suite"), here.get("suite")} - {None}) and len(attacks) > 1:
        return f"the attacks' definitions, {there['suite']} there, {here['suite']} here"
    return None


def check_code(runs: Iterable[tuple[str, Made]], here: Mapping[str, Any] | None = None) -> None:
    """Refuses cells that were made by different code.

    Args:
        runs: cells, each with how far it has got.
        here: the code that goes on with them; None compares them with the first of them.

    Raises:
        UserError: naming the first, how many there are, and what to do.
    """
    reference, seen, others = here, dict[str | None, Any](), list[tuple[str, str]]()
    for cell, run in runs:
        if run.state is State.NEW:
            continue
        reference = reference or run.code
        expected = {name: value for name, value in reference.items() if name != "suite"}
        expected["suite"] = seen.setdefault(run.attacks, run.code.get("suite"))
        if problem := other_code(run.code, expected):
            others.append((cell, problem))
    if others:
        cell, problem = others[0]
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise UserError(
            f"cell {cell}{more} was made by other code: {problem}. Delete its folder to make it again, check out the "
            "code that made it, or accept it as it is: --accept-other-code."
        )


def processors(runs: Sequence[Made]) -> list[str]:
    """The kinds of processor that finished runs were made on."""
    return sorted({run.processor for run in runs if run.processor})


def write_record(run: RunFolder, **entries: Any) -> None:
    """Adds entries to what a run's folder records of the cell."""
    write_json(read_record(run) | entries, run.path / RECORD)


def _commit(code: Mapping[str, Any]) -> str:
    return f"{str(code.get('commit') or 'unknown')[:10]}{' with changes' if code.get('dirty') else ''}"
