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
from xltrobust.perturb.beam import BeamSearch, GreedyEverything
from xltrobust.perturb.case import CasePerturbation
from xltrobust.perturb.constraints import (
    CountingConstraint,
    MaxCharactersChanged,
    MaxEditDistance,
    MaxWordsChanged,
    NoRepeatedModification,
)
from xltrobust.perturb.diacritics import DiacriticsPerturbation
from xltrobust.perturb.engine import attack
from xltrobust.perturb.greedy import GreedySearch
from xltrobust.perturb.keeping import KeepNames, KeepNumbers, KeepStopWords
from xltrobust.perturb.lookalikes import LookalikePerturbation
from xltrobust.perturb.punctuation import PunctuationPerturbation
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.search import RandomSearch
from xltrobust.perturb.typos import TypoPerturbation
from xltrobust.perturb.word_edits import LocalReordering, WordDropping

__all__ = [
    "Attack",
    "AttackResult",
    "BeamSearch",
    "CasePerturbation",
    "Constraint",
    "CountingConstraint",
    "DiacriticsPerturbation",
    "Edit",
    "GreedyEverything",
    "GreedySearch",
    "KeepNames",
    "KeepNumbers",
    "KeepStopWords",
    "LocalReordering",
    "LookalikePerturbation",
    "MaxCharactersChanged",
    "MaxEditDistance",
    "MaxWordsChanged",
    "NoRepeatedModification",
    "Perturbation",
    "PunctuationPerturbation",
    "RandomSearch",
    "Search",
    "TypoPerturbation",
    "Victim",
    "WordDropping",
    "apply_edits",
    "attack",
]
