"""An attack as configurations name it: a perturbation, the constraints on it, and a search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xltrobust.arguments import CLASS, HASH
from xltrobust.perturb.base import BatchedConstraint, Constraint, Perturbation, Search
from xltrobust.perturb.goal import Goal, Misclassification
from xltrobust.renamed import with_new_names

_DEFAULT_GOAL = Misclassification().described()  # descriptions leave it out: before there were others, all did


@dataclass(frozen=True, kw_only=True)
class Attack:
    """An attack: a perturbation, constraints on it, a search, a budget and a goal.

    Args:
        perturbation: proposes single edits.
        search: chooses among them by asking the victim.
        constraints: refuse sets of edits.
        budget: the most forward and backward passes for one example, the original's included; None sets no limit.
        goal: which answers break an example; None is :class:`~xltrobust.perturb.goal.Misclassification`.

    Raises:
        ValueError: if ``budget`` is not positive.
    """

    perturbation: Perturbation
    search: Search
    constraints: list[Constraint | BatchedConstraint] = field(default_factory=list)
    budget: int | None = None
    goal: Goal | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 1:  # before a model is trained or loaded
            raise ValueError(f"Expected argument `budget` to be a positive integer or None, but got {self.budget!r}.")


def check_attack_name(name: str) -> None:
    """Refuses names that results use for something else (``clean``, ``worst``, ``robust``), empty ones, and
    those with a ``/``.

    Raises:
        ValueError: if the name is one of these.
    """
    if not name or "/" in name or name.partition("@")[0].partition(":")[0] in ("clean", "worst", "robust"):
        raise ValueError(f"an attack cannot be named {name!r}: results use the name, or a / in it, for something else.")


def describe_attack(recipe: Attack) -> dict[str, Any]:
    """An attack's options, with hashes of the files that it reads, for ``results.json``.

    The default goal is left out.

    >>> from xltrobust.perturb import RandomSearch, WordDropping
    >>> describe_attack(Attack(perturbation=WordDropping(), search=RandomSearch(draws=2)))["search"]
    {'class': 'RandomSearch', 'draws': 2, 'rate': 0.15}
    """
    told = {
        "perturbation": recipe.perturbation.described(),
        "search": recipe.search.described(),
        "constraints": [constraint.described() for constraint in recipe.constraints],
        "budget": recipe.budget,
    }
    goal = (recipe.goal or Misclassification()).described()
    return told if goal == _DEFAULT_GOAL else told | {"goal": goal}


@dataclass(frozen=True)
class Difference:
    """An option in which two descriptions of attacks differ.

    Args:
        option: its dotted name.
        there: its value in the recorded description; None if ``unknown``.
        here: its value in the other.
        unknown: whether the record does not say: an earlier version did not record the option, or its value has no
            reproducible description.
    """

    option: str
    there: Any
    here: Any
    unknown: bool = False


def first_difference(there: Any, here: Any, option: str = "recipe") -> Difference | None:
    """The first option in which a recorded attack differs, or may differ, from another; None if they are the same.

    Args:
        there: the record from ``results.json``, possibly of an earlier version.
        here: what :func:`describe_attack` returns.
        option: the name of what is compared, for the result.

    >>> first_difference({"class": "KeepStopWords"}, {"class": "KeepStopWords", "words": ["a"]}, "constraint")
    Difference(option='constraint.words', there=None, here=['a'], unknown=True)
    """
    return _first_difference(_with_goal(with_new_names(there)), _with_goal(here), option)


def _with_goal(described: Any) -> Any:
    """The description of an attack, if it is one, with the default goal where it names none."""
    return {"goal": _DEFAULT_GOAL} | described if isinstance(described, dict) and "search" in described else described


def _first_difference(there: Any, here: Any, option: str) -> Difference | None:
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys([*here, *there]):
            dotted = option if name in (CLASS, HASH) else f"{option}.{name}"
            if name not in there or (name == HASH and there[name] is None):
                return Difference(dotted, None, here.get(name), unknown=True)
            if name == CLASS and here.get(name, "").rpartition(".")[2] == there[name]:
                continue  # older versions left the module out
            if found := _first_difference(there[name], here.get(name), dotted):
                return found
        return None
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = (_first_difference(*pair, f"{option}.{at}") for at, pair in enumerate(zip(there, here, strict=True)))
        return next((found for found in pairs if found), None)
    return None if there == here else Difference(option, there, here)
