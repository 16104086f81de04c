"""An attack as configurations name it: a perturbation, the constraints on it, and a search."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from xltrobust.perturb.base import BatchedConstraint, Constraint, Perturbation, Search


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is changed, what may not be, and how the changes are looked for.

    Args:
        perturbation: proposes single edits.
        search: picks edits, asking the victim.
        constraints: refuse edits.
        budget: forward and backward passes that an example may cost, the original included; None sets no bound.

    Raises:
        ValueError: if ``budget`` is not positive.
    """

    perturbation: Perturbation
    search: Search
    constraints: list[Constraint | BatchedConstraint] = field(default_factory=list)
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 1:  # before a model is trained or loaded
            raise ValueError(f"Expected argument `budget` to be a positive integer or None, but got {self.budget!r}.")


def describe(recipe: Attack) -> dict[str, Any]:
    """An attack as a configuration would have it, for ``results.json``.

    Parts keep their arguments in attributes of the same names; what one keeps otherwise is not told.

    >>> from xltrobust.perturb import RandomSearch, WordDropping
    >>> describe(Attack(perturbation=WordDropping(), search=RandomSearch(draws=2)))["search"]
    {'class': 'RandomSearch', 'draws': 2, 'rate': 0.15}
    """
    return {
        "perturbation": describe_part(recipe.perturbation),
        "search": describe_part(recipe.search),
        "constraints": [describe_part(constraint) for constraint in recipe.constraints],
        "budget": recipe.budget,
    }


def describe_part(part: object) -> dict[str, Any]:
    """A part's class and those of its arguments that it keeps under their names, parts among them."""
    names = [name for name in inspect.signature(type(part)).parameters if hasattr(part, name)]
    values = {name: getattr(part, name) for name in names}
    return {"class": type(part).__name__} | {
        name: describe_part(value) if is_dataclass(value) or isinstance(value, Perturbation) else value
        for name, value in values.items()
        if not callable(value) or is_dataclass(value)
    }
