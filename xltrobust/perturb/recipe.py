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
    """What is changed, what may not be, and how the changes are looked for.

    Args:
        perturbation: proposes single edits.
        search: picks edits, asking the victim.
        constraints: refuse edits.
        budget: forward and backward passes that an example may cost, the original included; None sets no bound.
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
    """Refuses what cannot name an attack: results use it otherwise, or it parts the names of figures.

    Raises:
        ValueError: if it is such a name.
    """
    if not name or "/" in name or name in ("clean", "worst"):
        raise ValueError(f"an attack cannot be named {name!r}: results use the name, or a / in it, for something else.")


def describe_attack(recipe: Attack) -> dict[str, Any]:
    """An attack as a configuration would have it, with hashes of the files that it was made of, for ``results.json``.

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
    """Where two descriptions part.

    Args:
        option: dotted name.
        there: what the one has; None if ``unknown``.
        here: what the other has.
        unknown: whether the one does not tell: a version that kept less has written it, or what it was cannot be told.
    """

    option: str
    there: Any
    here: Any
    unknown: bool = False


def first_difference(there: Any, here: Any, option: str = "recipe") -> Difference | None:
    """Where an attack that results tell of differs from another one, or cannot be known not to; None if it is the same.

    Args:
        there: as ``results.json`` has it, perhaps of an older version.
        here: as :func:`describe_attack` tells it.
        option: the name of what is compared.

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
            own = option if name in (CLASS, HASH) else f"{option}.{name}"
            if name not in there or (name == HASH and there[name] is None):
                return Difference(own, None, here.get(name), unknown=True)
            if name == CLASS and here.get(name, "").rpartition(".")[2] == there[name]:
                continue  # older versions left the module out
            if found := _first_difference(there[name], here.get(name), own):
                return found
        return None
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = (_first_difference(*pair, f"{option}.{at}") for at, pair in enumerate(zip(there, here, strict=True)))
        return next((found for found in pairs if found), None)
    return None if there == here else Difference(option, there, here)
