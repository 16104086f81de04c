"""Perturbations of text, constraints on them, searches among them, and the engine that runs attacks in batches."""

from xltrobust.perturb.ball import Ball
from xltrobust.perturb.base import (
    AttackResult,
    BatchedConstraint,
    Constraint,
    Edit,
    Perturbation,
    Search,
    TextGradient,
    Victim,
    WhiteBoxVictim,
    apply_edits,
)
from xltrobust.perturb.beam import BeamSearch, GreedyEverything
from xltrobust.perturb.case import CasePerturbation
from xltrobust.perturb.code_mixing import CodeMixing
from xltrobust.perturb.constraints import (
    MaxCharactersChanged,
    MaxEditDistance,
    MaxWordsChanged,
    NoRepeatedModification,
)
from xltrobust.perturb.diacritics import DiacriticsPerturbation
from xltrobust.perturb.engine import attack
from xltrobust.perturb.gradient import GradientSearch
from xltrobust.perturb.greedy import GreedySearch
from xltrobust.perturb.keeping import KeepNames, KeepNumbers, KeepStopWords
from xltrobust.perturb.lookalikes import LookalikePerturbation
from xltrobust.perturb.punctuation import PunctuationPerturbation
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.replay import Replay
from xltrobust.perturb.search import RandomSearch
from xltrobust.perturb.similarity import SemanticSimilarity
from xltrobust.perturb.synonyms import SynonymSubstitution
from xltrobust.perturb.text_victim import TextVictim
from xltrobust.perturb.typos import TypoPerturbation
from xltrobust.perturb.view import RandomView
from xltrobust.perturb.word_edits import LocalReordering, WordDropping

__all__ = [
    "Attack",
    "AttackResult",
    "Ball",
    "BatchedConstraint",
    "BeamSearch",
    "CasePerturbation",
    "CodeMixing",
    "Constraint",
    "DiacriticsPerturbation",
    "Edit",
    "GradientSearch",
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
    "RandomView",
    "Replay",
    "Search",
    "SemanticSimilarity",
    "SynonymSubstitution",
    "TextGradient",
    "TextVictim",
    "TypoPerturbation",
    "Victim",
    "WhiteBoxVictim",
    "WordDropping",
    "apply_edits",
    "attack",
]
