"""Regularizers: Lightning callbacks, each of which adds a term to the loss or a view to the training texts."""

from xltrobust.regularizers.adversarial_training import AdversarialTraining
from xltrobust.regularizers.base import Regularizer
from xltrobust.regularizers.consistency import ConsistencyRegularization
from xltrobust.regularizers.data_augmentation import DataAugmentation
from xltrobust.regularizers.freelb import FreeLB
from xltrobust.regularizers.r3f import R3F
from xltrobust.regularizers.random_perturbation import RandomPerturbation
from xltrobust.regularizers.smoothness_inducing import SmoothnessInducing
from xltrobust.regularizers.virtual_adversarial import VirtualAdversarial

__all__ = [
    "R3F",
    "AdversarialTraining",
    "ConsistencyRegularization",
    "DataAugmentation",
    "FreeLB",
    "RandomPerturbation",
    "Regularizer",
    "SmoothnessInducing",
    "VirtualAdversarial",
]
