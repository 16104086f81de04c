"""Tasks: labelled in one language, tested in many."""

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.home_assistant import HomeAssistantIntents
from xltrobust.datamodules.local import LocalClassification
from xltrobust.datamodules.pawsx import PAWSX
from xltrobust.datamodules.xnli import XNLI

__all__ = ["PAWSX", "XNLI", "CrossLingualClassification", "HomeAssistantIntents", "LocalClassification"]
