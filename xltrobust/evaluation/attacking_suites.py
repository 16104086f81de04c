"""Runs a suite of attacks in a session: every attack on every example, or until one has broken the example."""

from __future__ import annotations

import time
from typing import Any

from lightning_fabric import Fabric

from xltrobust.evaluation.attacking import Decision, missing_examples, prepare, run_attack
from xltrobust.evaluation.scope import Scope
from xltrobust.evaluation.session import AttackSession, Found
from xltrobust.evaluation.shares import attack_share, check_languages
from xltrobust.evaluation.suite_results import add_suite, add_together, check_suite, done_together, suite_scope
from xltrobust.evaluation.until_broken import Place, attack_until_broken, suite_sets
from xltrobust.metrics.coverage import robust_name
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.suite import Mode, Suite
from xltrobust.runs.progress import Display


def run_suite(
    session: AttackSession,
    suite: Suite,
    mode: Mode,
    fabric: Fabric,
    *,
    languages: list[str] | None = None,
    max_examples: int | None = None,
    seed: int | None = None,
    similarity: str | None = None,
) -> None:
    """Attacks the test sets with a suite and adds the results to the session's folder, beside what it holds already.

    Args:
        session: of the victim.
        suite: the attacks.
        mode: ``full`` tries every attack, and the controls, on every example. ``robust`` tries the attacks one after
            the other until one breaks the example, for the accuracy under all of them alone, which is the same.
        fabric: of this process; devices share the examples.
        languages: names of the sets to attack; None takes all.
        max_examples: cap on the examples of a language; None takes the session's.
        seed: of the attacks; None takes the session's.
        similarity: the encoder to measure the found texts' similarity to the originals with; None measures none.

    Raises:
        UserError: if a language is not in the data, or the folder holds the suite with another seed.
    """
    check_languages(languages, session.sets)
    seed = session.seed if seed is None else seed
    check_suite(session, suite, seed)
    if mode == "robust":
        wanted = Scope(languages, session.max_examples if max_examples is None else max_examples)
        if not _until_broken(session, suite, fabric, wanted, seed, similarity):
            fabric.print(f"{session.folder.path}: holds {robust_name(suite.name)} already.")
        return
    tested = [each for each in session.sets if each.split == "test" and each.name in (languages or [each.name])]
    for name, recipe in suite.all.items():
        applying = [each.name for each in tested if recipe.perturbation.changes(each.language)]
        if tested and not applying:
            continue  # the suite is over the other attacks there
        scope: dict[str, Any] = {"languages": applying if languages and tested else languages}
        scope["max_examples"] = max_examples
        if not run_attack(session, name, recipe, fabric, **scope, seed=seed, similarity=similarity):
            fabric.print(f"{session.folder.path}: holds {name} already.")
    if fabric.is_global_zero:
        add_suite(session, suite)


def _until_broken(
    session: AttackSession, suite: Suite, fabric: Fabric, wanted: Scope, seed: int, similarity: str | None
) -> bool:
    """Attacks what is wanted and not there; tells whether there was anything."""
    attacked = False
    while True:  # again if another process has meanwhile widened what the suite covers
        scope, missing = _plan(session, suite, fabric, wanted, seed)
        if not missing:
            return attacked
        if not attacked:
            for recipe in suite.attacks.values():
                prepare(recipe, similarity)
        started = time.perf_counter()
        journal = session.journal(fabric.global_rank)

        def run(name: str, recipe: Attack, share: list[Place]) -> Found:
            return attack_share(
                f"attack {name}", recipe, session.sets, share, session.victim,
                journal=journal, seed=seed, display=Display(shown=fabric.is_global_zero),  # noqa: B023
            )  # fmt: skip

        own = missing[fabric.global_rank :: fabric.world_size]
        found = session.gathered(attack_until_broken(suite, session.sets, own, run), fabric)
        journal.close()
        if fabric.is_global_zero:
            add_together(session, suite, found, scope, seed, time.perf_counter() - started, similarity)
        attacked = True
        fabric.barrier()


def _plan(
    session: AttackSession, suite: Suite, fabric: Fabric, wanted: Scope, seed: int
) -> tuple[Scope, list[tuple[int, int]]]:
    """What the suite will cover, and the examples that are missing."""

    def decide() -> Decision:
        check_suite(session, suite, seed)
        scope = suite_scope(session, suite, wanted)
        return scope, suite_sets(suite, session.sets, scope.languages), done_together(session, suite)

    return missing_examples(session, fabric, decide)
