"""Regularizers: Lightning callbacks that add a term to the loss or change the training texts."""

from xltrobust.models.gradient_share import GradientShare
from xltrobust.regularizers.adversarial_training import AdversarialTraining
from xltrobust.regularizers.ball import Ball
from xltrobust.regularizers.base import Regularizer
from xltrobust.regularizers.code_switching import CodeSwitching
from xltrobust.regularizers.consistency import ConsistencyRegularization
from xltrobust.regularizers.data_augmentation import DataAugmentation
from xltrobust.regularizers.extra_clean_batches import ExtraCleanBatches
from xltrobust.regularizers.freelb import FreeLB
from xltrobust.regularizers.linear_mapping import LinearMapping
from xltrobust.regularizers.r3f import R3F
from xltrobust.regularizers.random_perturbation import RandomPerturbation
from xltrobust.regularizers.sentence_alignment import SentenceAlignment
from xltrobust.regularizers.smoothness_inducing import SmoothnessInducing
from xltrobust.regularizers.translated_training import TranslatedTraining
from xltrobust.regularizers.virtual_adversarial import VirtualAdversarial
from xltrobust.regularizers.word_alignment import WordAlignment

__all__ = [
    "R3F",
    "AdversarialTraining",
    "Ball",
    "CodeSwitching",
    "ConsistencyRegularization",
    "DataAugmentation",
    "ExtraCleanBatches",
    "FreeLB",
    "GradientShare",
    "LinearMapping",
    "RandomPerturbation",
    "Regularizer",
    "SentenceAlignment",
    "SmoothnessInducing",
    "TranslatedTraining",
    "VirtualAdversarial",
    "WordAlignment",
]
