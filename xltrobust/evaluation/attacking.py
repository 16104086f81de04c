"""Runs an attack in a session: on whatever the folder does not hold yet of what is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

from lightning_fabric import Fabric

from xltrobust.encoders.sentence_encoder import sentence_encoder
from xltrobust.errors import UserError
from xltrobust.evaluation.scope import Scope
from xltrobust.evaluation.session import AttackSession
from xltrobust.evaluation.shares import attack_share, changeable, check_languages, chosen_share
from xltrobust.perturb.base import BatchedConstraint
from xltrobust.perturb.recipe import Attack
from xltrobust.runs.progress import Display

Decision: TypeAlias = tuple[Scope, Sequence[int], Collection[tuple[int, int]]]


def run_attack(
    session: AttackSession,
    name: str,
    attack: Attack,
    fabric: Fabric,
    *,
    languages: list[str] | None = None,
    max_examples: int | None = None,
    seed: int | None = None,
    similarity: str | None = None,
) -> bool:
    """Attacks the test sets and adds the results to the session's folder.

    An attack that the folder holds already is extended: examples and languages that it covers are not asked again.

    Args:
        session: of the victim.
        name: of the attack in results.
        attack: its recipe.
        fabric: of this process; devices share the examples.
        languages: names of the sets to attack; None takes all that the perturbation can change.
        max_examples: cap on the examples of a language; None takes the session's.
        seed: of the attack; None takes the session's.
        similarity: the encoder to measure the found texts' similarity to the originals with; None measures none.

    Returns:
        Whether anything had to be attacked.

    Raises:
        UserError: if the folder holds another attack of this name, or a language is not in the data.
    """
    check_languages(languages, session.sets)
    seed = session.seed if seed is None else seed
    wanted = Scope(languages, session.max_examples if max_examples is None else max_examples)
    attacked = False
    # Again if another process has meanwhile widened what the attack covers: then there is more to do.
    while True:
        scope, missing = _plan(session, name, attack, wanted, seed, fabric)
        if not missing:
            return attacked
        if not attacked:
            prepare(attack, similarity)
        started = time.perf_counter()
        journal = session.journal(fabric.global_rank)
        found = attack_share(
            f"attack {name}", attack, session.sets, missing[fabric.global_rank :: fabric.world_size], session.victim,
            journal=journal, seed=seed, display=Display(shown=fabric.is_global_zero),
        )  # fmt: skip
        journal.close()
        found = session.gathered(found, fabric)
        if fabric.is_global_zero:
            session.add(name, attack, found, scope, seed, time.perf_counter() - started, similarity)
        attacked = True
        fabric.barrier()


def _plan(
    session: AttackSession, name: str, attack: Attack, wanted: Scope, seed: int, fabric: Fabric
) -> tuple[Scope, list[tuple[int, int]]]:
    """What the attack will cover, and the examples that are missing."""

    def decide() -> Decision:
        scope = session.scope(name, attack, wanted, seed)
        return scope, changeable(name, attack, session.sets, scope.languages), session.done(name)

    return missing_examples(session, fabric, decide)


def missing_examples(
    session: AttackSession, fabric: Fabric, decide: Callable[[], Decision]
) -> tuple[Scope, list[tuple[int, int]]]:
    """A scope and the examples in it that are missing; the first process decides for all.

    It alone has read what others added. An error is told to all processes, none of which waits then for the others.

    Args:
        session: of the victim.
        fabric: of this process.
        decide: gives the scope, the indices of the sets in it, and the examples that are done, by set and example.

    Raises:
        UserError: as ``decide`` does, in all processes.
    """
    plan: Any = None
    if fabric.is_global_zero:
        try:
            scope, places, done = decide()
            plan = scope, [at for at in chosen_share(session.sets, places, scope.max_examples) if at not in done]
        except UserError as error:
            plan = error
    plan = fabric.broadcast(plan)
    if isinstance(plan, UserError):
        raise plan
    return plan


def prepare(attack: Attack, similarity: str | None) -> None:
    """Loads the encoders that an attack's constraints, and measuring similarity, need."""
    for constraint in attack.constraints:
        if isinstance(constraint, BatchedConstraint):
            constraint.prepare()
    if similarity:
        sentence_encoder(similarity).load()
