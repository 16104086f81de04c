"""Tasks, labelled in one language and tested in many; and the parallel text that may be learnt from beside them."""

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.bitext_benchmarks import NTREXPairs, TatoebaPairs
from xltrobust.datamodules.bitext_files import LineAlignedFiles, PairTable
from xltrobust.datamodules.bitext_home_assistant import HomeAssistantTranslations
from xltrobust.datamodules.bitext_hub import HubPairs
from xltrobust.datamodules.bitext_tmx import TMXFile
from xltrobust.datamodules.home_assistant import HomeAssistantIntents
from xltrobust.datamodules.local import LocalClassification
from xltrobust.datamodules.parallel import ParallelCorpus
from xltrobust.datamodules.pawsx import PAWSX
from xltrobust.datamodules.statistical_aligner import StatisticalAligner
from xltrobust.datamodules.xnli import XNLI

__all__ = [
    "PAWSX",
    "XNLI",
    "CrossLingualClassification",
    "HomeAssistantIntents",
    "HomeAssistantTranslations",
    "HubPairs",
    "LineAlignedFiles",
    "LocalClassification",
    "NTREXPairs",
    "PairTable",
    "ParallelCorpus",
    "StatisticalAligner",
    "TMXFile",
    "TatoebaPairs",
]
