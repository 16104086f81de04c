"""What a session's folder holds of a suite of attacks, and how more is added."""

from __future__ import annotations

from typing import Any

from xltrobust.errors import UserError
from xltrobust.evaluation.scope import Scope, extended
from xltrobust.evaluation.session import AttackSession, Found
from xltrobust.evaluation.until_broken import suite_caveat, together_record
from xltrobust.metrics.coverage import robust_answers, robust_name
from xltrobust.perturb.suite import Mode, Suite
from xltrobust.runs.provenance import git_state


def check_suite(session: AttackSession, suite: Suite, seed: int) -> None:
    """Refuses another seed than that of what the folder holds of the suite: its figure would be of both.

    Raises:
        UserError: naming both.
    """
    attacks = session.results.get("attacks") or {}
    seeds = [attacks[name].get("seed", session.seed) for name in suite.attacks if name in attacks]
    if together := _together(session, suite):
        seeds.append(together["seed"])
    if others := [there for there in seeds if there != seed]:
        raise UserError(
            f"{session.folder.path} holds {suite.name} with seed {others[0]}, but this is seed {seed}: give the same, "
            "or attack a copy of the folder."
        )


def suite_scope(session: AttackSession, suite: Suite, wanted: Scope) -> Scope:
    """What the suite covers once it has been run as wanted until an attack broke the example."""
    there = _together(session, suite)
    return wanted.joined(Scope(there["languages"], there["max_examples"])) if there else wanted


def done_together(session: AttackSession, suite: Suite) -> set[tuple[int, int]]:
    """The examples whose answer under the suite the folder holds: of one row, or of one for each attack."""
    attacks, condition = session.results.get("attacks") or {}, robust_name(suite.name)
    recorded = {*attacks, *([condition] if _together(session, suite) else [])}
    answers: dict[str, dict[tuple[str, str], Any]] = {}
    labels = {}
    for row in session.rows:
        if row["attack"] in recorded and row["split"] == "test":
            place = row["language"], row["id"]
            answers.setdefault(row["attack"], {})[place], labels[place] = row["prediction"], row["label"]
    record = suite.record((each.name, each.language) for each in session.sets)
    done = answers.get(condition, {}).keys() | robust_answers(answers, record, labels.__getitem__).keys()
    return {
        (at, index)
        for at, each in enumerate(session.sets)
        for index, example in enumerate(each.examples)
        if each.split == "test" and (each.name, example.id) in done
    }


def add_together(
    session: AttackSession, suite: Suite, found: Found, scope: Scope, seed: int, seconds: float, similarity: str | None
) -> None:
    """Adds one row an example to what the folder holds of the suite.

    Args:
        session: of the victim.
        suite: the attacks.
        found: the results, by set and example.
        scope: what the suite covers with these.
        seed: of the attacks.
        seconds: how long they took.
        similarity: the encoder to measure the texts' similarity with; None measures none.

    Raises:
        UserError: if the folder holds the suite with another seed by now, or has been tested again.
    """
    condition = robust_name(suite.name)
    new = session.new_rows(condition, found, similarity)
    with session.changed():
        check_suite(session, suite, seed)
        before = _together(session, suite)
        settings = {"seed": seed, **suite_scope(session, suite, scope).record()}
        there = done_together(session, suite)
        session.put(condition, {at: row for at, row in new.items() if at not in there}, keep=bool(before))
        covered = {(row["split"], row["language"]) for row in session.rows if row["attack"] == condition}
        settings |= suite_caveat(suite, [each for each in session.sets if (each.split, each.name) in covered])
        record = together_record(suite, [found[at] for at in new if at not in there], seconds)
        together = extended(before, record, settings) if before else record | settings | git_state()
        _record(session, suite, "robust", {"together": together})


def add_suite(session: AttackSession, suite: Suite) -> None:
    """Adds the record of a suite whose attacks have been added, and the accuracy under all of them."""
    with session.changed():
        _record(session, suite, "full", {})


def _together(session: AttackSession, suite: Suite) -> dict[str, Any]:
    """The record of the examples that were tried until an attack broke them; empty if there are none."""
    return ((session.results.get("suites") or {}).get(suite.name) or {}).get("together") or {}


def _record(session: AttackSession, suite: Suite, mode: Mode, entries: dict[str, Any]) -> None:
    suites = session.results.setdefault("suites", {})
    before = suites.get(suite.name) or {}
    if before.get("mode", "full" if before else mode) == "full":  # figures of each attack are there already
        mode = "full"
    tested = [(each.name, each.language) for each in session.sets if each.split == "test"]
    record = suite.record(tested, mode)
    for attack, names in (before.get("not_applicable") or {}).items():  # another process may have tested more languages
        others = [name for name in names if name not in dict(tested)]
        if others:
            record["not_applicable"].setdefault(attack, []).extend(others)
    suites[suite.name] = record | {name: before[name] for name in ("together",) if name in before} | entries
