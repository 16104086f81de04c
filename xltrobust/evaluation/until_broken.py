"""The attacks of a suite one after the other, each on the examples that still stand: for accuracy under all of them.

What an attack finds depends on its seed, the example's id and language, and the classes of perturbation and search
alone. So an example that stands here also stands where every attack is tried on it, and the accuracy is the same. What
single attacks find among the examples that others left them says nothing about these attacks, and is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from xltrobust.evaluation.predictions import costs_record
from xltrobust.example import EvaluationSet, single_languages
from xltrobust.perturb.base import AttackResult
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.suite import Suite

Place = tuple[int, int]  # the index of a set, and an example's in it


def attack_until_broken(
    suite: Suite,
    sets: Sequence[EvaluationSet],
    share: Sequence[Place],
    run: Callable[[str, Attack, list[Place]], dict[Place, AttackResult]],
) -> dict[Place, AttackResult]:
    """Tries the attacks of a suite in its order, each on the examples that it applies to and that none has broken yet.

    Args:
        suite: the attacks; its controls are left out.
        sets: the data.
        share: the examples.
        run: runs an attack, by its name, on some of the examples.

    Returns:
        For each example one result: the text that broke it, if one did, and which attack it is by; the passes of all
        attacks on it, each of which counts the original; what each one's constraints refused, attack after attack.
    """
    found: dict[Place, AttackResult] = {}
    width = sum(len(recipe.constraints) for recipe in suite.attacks.values())
    at, standing = 0, list(share)
    for name, recipe in suite.attacks.items():
        changeable = [place for place in standing if recipe.perturbation.changes(sets[place[0]].language)]
        if changeable:
            for place, result in run(name, recipe, changeable).items():
                refused = result.refused or (0,) * len(recipe.constraints)
                padded = (0,) * at + refused + (0,) * (width - at - len(refused))
                found[place] = _after(found.get(place), replace(result, refused=padded), name)
            standing = [place for place in standing if place not in found or _right(found[place])]
        at += len(recipe.constraints)
    return found


def suite_sets(suite: Suite, sets: Sequence[EvaluationSet], languages: Sequence[str] | None = None) -> list[int]:
    """Indices of the test sets in languages that at least one attack of a suite applies to.

    Args:
        suite: the attacks.
        sets: the data.
        languages: names of the sets to attack; None takes all.
    """
    return [
        at
        for at, each in enumerate(sets)
        if each.split == "test"
        and (languages is None or each.name in languages)
        and any(recipe.perturbation.changes(each.language) for recipe in suite.attacks.values())
    ]


def together_record(suite: Suite, results: Sequence[AttackResult], seconds: float) -> dict[str, Any]:
    """What ``results.json`` records of a suite that was run until an attack broke the example.

    Args:
        suite: the attacks.
        results: of all examples, on all devices.
        seconds: how long it took.
    """
    recipes = suite.attacks.values()
    return costs_record([constraint for recipe in recipes for constraint in recipe.constraints], results, seconds)


def suite_caveat(suite: Suite, sets: Sequence[EvaluationSet]) -> dict[str, str]:
    """What makes the languages that the attacks cover incomparable, as a record has it."""
    languages = single_languages(each.language for each in sets)
    told = {name: recipe.perturbation.caveat(languages) for name, recipe in suite.attacks.items()}
    found = " ".join(f"{name}: {caveat}" for name, caveat in told.items() if caveat)
    return {"caveat": found} if found else {}


def _right(result: AttackResult) -> bool:
    return result.prediction == result.example.label


def _after(before: AttackResult | None, result: AttackResult, attack: str) -> AttackResult:
    """An attack's result with those of the attacks before it, none of which broke the example."""
    if before is not None:
        result = replace(
            result,
            queries=before.queries + result.queries,
            backwards=before.backwards + result.backwards,
            refused=tuple(a + b for a, b in zip(before.refused, result.refused, strict=True)),
        )
    if _right(result):  # the text that came closest is of no one attack
        return replace(result, adversarial=None, broken_at=None)
    return replace(result, broken_at=None, broken_by=attack if result.adversarial is not None else None)
