"""Which examples an attack is run on, and which of them each device attacks."""

from __future__ import annotations

from collections.abc import Sequence

from pytorch_lightning.utilities.rank_zero import rank_zero_info

from xltrobust.errors import UserError
from xltrobust.evaluation.attack_progress import AttackProgress
from xltrobust.example import EvaluationSet, single_languages
from xltrobust.perturb.base import AttackResult, Victim
from xltrobust.perturb.engine.attack import Progress, attack
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.recipe import Attack
from xltrobust.runs.progress import Display
from xltrobust.seeding import derived_seed


def attack_share(
    title: str,
    recipe: Attack,
    sets: Sequence[EvaluationSet],
    share: Sequence[tuple[int, int]],
    victim: Victim,
    *,
    journal: Journal | None = None,
    seed: int = 0,
    display: Display | None = None,
) -> dict[tuple[int, int], AttackResult]:
    """Attacks the given examples, and shows how far it has got.

    Args:
        title: what is done, for the display: ``attack typo``.
        recipe: the attack.
        sets: the data.
        share: the examples to attack, each by the index of its set and its index in the set.
        victim: the model to attack.
        journal: the answers it has given before.
        seed: of the attack's random choices.
        display: where progress is shown; None shows none.

    Returns:
        The results, by set and example.
    """
    examples = [sets[at].examples[index] for at, index in share]
    display = display or Display(shown=False)
    watched, asked = AttackProgress(sets, share), 0
    phase = display.phase(title, len(examples), "examples")

    def show(progress: Progress) -> None:
        nonlocal asked
        asked = progress.asked
        if language := watched.language:
            phase.to(progress.done, note, name=f"{title}: {language}")

    def note() -> str:
        low, high = watched.bounds()
        return f"accuracy {low:.0%} to {high:.0%}, {asked:,} queries"

    try:
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
            finished=watched.add,
        )
    except BaseException:
        display.close()
        raise
    phase.done, phase.note = len(examples), ", ".join(filter(None, [watched.summary(), f"{asked:,} queries"]))
    phase.end(title)
    return dict(zip(share, results, strict=True))


def changeable(
    name: str,
    recipe: Attack,
    sets: Sequence[EvaluationSet],
    languages: Sequence[str] | None = None,
    *,
    quiet: bool = False,
) -> list[int]:
    """Indices of the sets that an attack applies to: those in languages that its perturbation can change.

    Languages that are left out are named in one line, those that it changes in another way than the rest in another.

    Args:
        name: of the attack.
        recipe: the attack.
        sets: the data; only its ``dev`` and ``test`` splits are attacked.
        languages: names of the sets to attack; None takes all.
        quiet: say nothing.

    Raises:
        UserError: if the perturbation cannot change a language asked for by name, or cannot change any.
    """
    attacked = [
        (at, evaluation_set) for at, evaluation_set in enumerate(sets) if evaluation_set.split in ("dev", "test")
    ]
    wanted = [
        (at, evaluation_set) for at, evaluation_set in attacked if languages is None or evaluation_set.name in languages
    ]
    found = [at for at, evaluation_set in wanted if recipe.perturbation.changes(evaluation_set.language)]
    missing = [evaluation_set for at, evaluation_set in wanted if at not in found]
    if missing and (languages is not None or not found):
        recipe.perturbation.require(missing[0].language)
    if missing and not quiet:
        kind = type(recipe.perturbation).__name__
        names = ", ".join(evaluation_set.name for evaluation_set in missing)
        rank_zero_info(f"{name}: {kind} cannot change {names} (no {recipe.perturbation.lacking}): left out.")
    if not quiet and (caveat := recipe.perturbation.caveat(single_languages(sets[at].language for at in found))):
        rank_zero_info(f"{name}: {caveat}")
    return found


def check_languages(languages: Sequence[str] | None, sets: Sequence[EvaluationSet]) -> None:
    """Refuses languages that are not among the test sets.

    Raises:
        UserError: naming one.
    """
    names = {evaluation_set.name for evaluation_set in sets}
    if unknown := sorted(set(languages or []) - names):
        raise UserError(f"--languages: {unknown[0]} is not among the test sets ({', '.join(sorted(names))}).")


def chosen_share(
    sets: Sequence[EvaluationSet], places: Sequence[int], limit: int | None, rank: int = 0, world_size: int = 1
) -> list[tuple[int, int]]:
    """The examples that one device attacks.

    Args:
        sets: the data.
        places: indices of the sets to attack.
        limit: cap on the examples of a set; None takes all.
        rank: of this device.
        world_size: the number of devices.

    Returns:
        Each example by the index of its set and its index in the set.
    """
    return [(at, index) for at in places for index in chosen_examples(sets[at], limit)[rank::world_size]]


def chosen_examples(evaluation_set: EvaluationSet, limit: int | None) -> list[int]:
    """Indices of at most ``limit`` examples, in order. They are chosen by a hash of their ids, so translated sets give
    the same items.
    """
    if limit is None or limit >= len(evaluation_set.examples):
        return list(range(len(evaluation_set.examples)))
    order = sorted(
        range(len(evaluation_set.examples)), key=lambda i: derived_seed("attacked", evaluation_set.examples[i].id)
    )
    return sorted(order[:limit])
