"""Tasks, labelled in one language and tested in many; and the parallel text that may be learnt from beside them."""

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.sources.benchmarks import NTREXPairs, TatoebaPairs
from xltrobust.datamodules.parallel.sources.files import LineAlignedFiles, PairTable
from xltrobust.datamodules.parallel.sources.home_assistant import HomeAssistantTranslations
from xltrobust.datamodules.parallel.sources.hub import HubPairs
from xltrobust.datamodules.parallel.sources.task import TaskTranslations
from xltrobust.datamodules.parallel.sources.tmx import TMXFile
from xltrobust.datamodules.parallel.words.embedding_aligner import EmbeddingAligner
from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.datamodules.tasks.home_assistant import HomeAssistantIntents
from xltrobust.datamodules.tasks.labelled_file import LabelledFile
from xltrobust.datamodules.tasks.local import LocalClassification
from xltrobust.datamodules.tasks.pawsx import PAWSX
from xltrobust.datamodules.tasks.xnli import XNLI

__all__ = [
    "PAWSX",
    "XNLI",
    "CrossLingualClassification",
    "EmbeddingAligner",
    "HomeAssistantIntents",
    "HomeAssistantTranslations",
    "HubPairs",
    "LabelledFile",
    "LineAlignedFiles",
    "LocalClassification",
    "NTREXPairs",
    "PairTable",
    "ParallelCorpus",
    "StatisticalAligner",
    "TMXFile",
    "TaskTranslations",
    "TatoebaPairs",
]
