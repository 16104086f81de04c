"""Which examples an attack is run on, and which of them each device attacks."""

from __future__ import annotations

from collections.abc import Sequence

from pytorch_lightning.utilities.rank_zero import rank_zero_info
from tqdm.auto import tqdm

from xltrobust.example import EvaluationSet
from xltrobust.perturb.base import AttackResult, Victim
from xltrobust.perturb.engine.attack import Progress, attack
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.recipe import Attack
from xltrobust.seeding import derived_seed


def attack_share(
    name: str,
    recipe: Attack,
    sets: Sequence[EvaluationSet],
    share: Sequence[tuple[int, int]],
    victim: Victim,
    *,
    journal: Journal | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> dict[tuple[int, int], AttackResult]:
    """Attacks some examples of some sets, with a progress bar that shows queries and success.

    Args:
        name: of the attack.
        recipe: the attack.
        sets: the data.
        share: which examples: the set's and the example's index.
        victim: what is attacked.
        journal: what it has answered before.
        seed: of the attack's random choices.
        quiet: show nothing.

    Returns:
        The results, by set and example.
    """
    examples = [sets[at].examples[index] for at, index in share]
    with tqdm(total=len(examples), desc=f"Attack {name}", disable=quiet) as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.done - bar.n)
            success = f"{progress.broken / progress.right:.0%}" if progress.right else "-"
            bar.set_postfix(queries=progress.asked, success=success)

        results = attack(
            examples,
            victim,
            perturbation=recipe.perturbation,
            search=recipe.search,
            constraints=recipe.constraints,
            goal=recipe.goal,
            budget=recipe.budget,
            seed=seed,
            journal=journal,
            progress=show,
        )
    return dict(zip(share, results, strict=True))


def changeable(
    name: str,
    recipe: Attack,
    sets: Sequence[EvaluationSet],
    languages: Sequence[str] | None = None,
    *,
    quiet: bool = False,
) -> list[int]:
    """Which sets an attack is for: those of languages that its perturbation can change; says which it leaves out.

    Args:
        name: of the attack.
        recipe: the attack.
        sets: the data; only its ``dev`` and ``test`` splits are attacked.
        languages: names of the sets that are wanted; None wants all.
        quiet: say nothing.

    Raises:
        UserError: if a language that is wanted by name cannot be changed, or none can.
    """
    attacked = [(at, own) for at, own in enumerate(sets) if own.split in ("dev", "test")]
    wanted = [(at, own) for at, own in attacked if languages is None or own.name in languages]
    found = [at for at, own in wanted if recipe.perturbation.changes(own.language)]
    missing = [own for at, own in wanted if at not in found]
    if missing and (languages is not None or not found):
        recipe.perturbation.require(missing[0].language)
    if missing and not quiet:
        kind = type(recipe.perturbation).__name__
        names = ", ".join(own.name for own in missing)
        rank_zero_info(f"{name}: {kind} cannot change {names} (no {recipe.perturbation.lacking}): left out.")
    return found


def chosen_share(
    sets: Sequence[EvaluationSet], places: Sequence[int], limit: int | None, rank: int = 0, world_size: int = 1
) -> list[tuple[int, int]]:
    """One device's share of the examples of some sets.

    Args:
        sets: the data.
        places: which of them.
        limit: on the examples of a set.
        rank: this device.
        world_size: the number of devices.

    Returns:
        The set's and the example's index of each.
    """
    return [(at, index) for at in places for index in chosen_examples(sets[at], limit)[rank::world_size]]


def chosen_examples(own: EvaluationSet, limit: int | None) -> list[int]:
    """Indices of at most ``limit`` examples, chosen by a hash of their ids: parallel sets give the same items."""
    if limit is None or limit >= len(own.examples):
        return list(range(len(own.examples)))
    order = sorted(range(len(own.examples)), key=lambda i: derived_seed("attacked", own.examples[i].id))
    return sorted(order[:limit])
