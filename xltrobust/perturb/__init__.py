"""Perturbations of text, constraints on them, searches among them, and the engine that runs attacks in batches."""

from xltrobust.perturb.base import (
    AttackResult,
    Constraint,
    Edit,
    Perturbation,
    Search,
    Victim,
    apply_edits,
)
from xltrobust.perturb.engine import attack
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.search import RandomSearch
from xltrobust.perturb.typos import TypoPerturbation

__all__ = [
    "Attack",
    "AttackResult",
    "Constraint",
    "Edit",
    "Perturbation",
    "RandomSearch",
    "Search",
    "TypoPerturbation",
    "Victim",
    "apply_edits",
    "attack",
]
