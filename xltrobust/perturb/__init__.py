"""Perturbations of text, constraints on them, searches among them, and the engine that runs attacks in batches."""

from xltrobust.perturb.base import (
    AttackResult,
    BatchedConstraint,
    Constraint,
    Perturbation,
    Search,
    TextGradient,
    Victim,
    WhiteBoxVictim,
)
from xltrobust.perturb.constraints.amount import (
    MaxCharactersChanged,
    MaxEditDistance,
    MaxWordsChanged,
    NoRepeatedModification,
)
from xltrobust.perturb.constraints.kept_words import KeepNames, KeepNumbers, KeepStopWords
from xltrobust.perturb.constraints.similarity import SemanticSimilarity
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.engine.attack import attack
from xltrobust.perturb.goal import Goal, Misclassification, Targeted
from xltrobust.perturb.perturbations.bidi import BidiPerturbation
from xltrobust.perturb.perturbations.case import CasePerturbation
from xltrobust.perturb.perturbations.code_mixing import CodeMixing
from xltrobust.perturb.perturbations.deletions import DeletionPerturbation
from xltrobust.perturb.perturbations.diacritics import DiacriticsPerturbation
from xltrobust.perturb.perturbations.lookalikes import LookalikePerturbation
from xltrobust.perturb.perturbations.punctuation import PunctuationPerturbation
from xltrobust.perturb.perturbations.synonyms import SynonymSubstitution
from xltrobust.perturb.perturbations.typos import TypoPerturbation
from xltrobust.perturb.perturbations.words import LocalReordering, WordDropping
from xltrobust.perturb.perturbations.zero_width import ZeroWidthPerturbation
from xltrobust.perturb.random_view import RandomView
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.searches.beam import BeamSearch, GreedyEverything
from xltrobust.perturb.searches.gradient import GradientSearch
from xltrobust.perturb.searches.greedy import GreedySearch
from xltrobust.perturb.searches.random_search import RandomSearch
from xltrobust.perturb.searches.replay import Replay
from xltrobust.perturb.text_victim import TextVictim

__all__ = [
    "Attack",
    "AttackResult",
    "BatchedConstraint",
    "BeamSearch",
    "BidiPerturbation",
    "CasePerturbation",
    "CodeMixing",
    "Constraint",
    "DeletionPerturbation",
    "DiacriticsPerturbation",
    "Edit",
    "Goal",
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
    "Misclassification",
    "NoRepeatedModification",
    "Perturbation",
    "PunctuationPerturbation",
    "RandomSearch",
    "RandomView",
    "Replay",
    "Search",
    "SemanticSimilarity",
    "SynonymSubstitution",
    "Targeted",
    "TextGradient",
    "TextVictim",
    "TypoPerturbation",
    "Victim",
    "WhiteBoxVictim",
    "WordDropping",
    "ZeroWidthPerturbation",
    "apply_edits",
    "attack",
]
