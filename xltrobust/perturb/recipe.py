"""An attack as configurations name it: a perturbation, the constraints on it, and a search."""

from __future__ import annotations

from dataclasses import dataclass, field

from xltrobust.perturb.base import Constraint, Perturbation, Search


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is changed, what may not be, and how the changes are looked for.

    Args:
        perturbation: proposes single edits.
        search: picks edits, asking the victim.
        constraints: refuse edits.
        budget: texts an example may cost, the original included; None sets no bound.
    """

    perturbation: Perturbation
    search: Search
    constraints: list[Constraint] = field(default_factory=list)
    budget: int | None = None
