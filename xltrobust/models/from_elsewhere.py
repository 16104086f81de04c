"""Classifiers that were trained elsewhere, or exported from here, in whichever layout they are."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import AutoConfig

from xltrobust.encoders.pretrained import reading_model
from xltrobust.models.pretrained_classifier import PretrainedClassifier
from xltrobust.models.sentence_transformer import SentenceTransformerClassifier, chain_parts


def load_classifier(name: str, labels: Sequence[str]) -> PretrainedClassifier | SentenceTransformerClassifier:
    """A classifier of transformers or sentence-transformers, on the CPU and in evaluation mode.

    Args:
        name: hub name or local directory. No remote code is run.
        labels: the task's classes, see :class:`PretrainedClassifier`.

    Raises:
        UserError: if it has no trained head, or its classes differ from the task's.
        UnreadableModel: if it is not found or damaged.
        MissingPackage: if it is one of sentence-transformers' and the package is not installed.
    """
    return (SentenceTransformerClassifier if chain_parts(name) else PretrainedClassifier)(name, labels)


def classes_of(name: str) -> list[str]:
    """The classes of a classifier, in the order of its logits.

    Raises:
        UnreadableModel: if it is not found or damaged.
    """
    parts = chain_parts(name)
    with reading_model(name, "a classifier"):
        subfolder = parts[0].get("path", "") if parts else ""
        names = AutoConfig.from_pretrained(name, subfolder=subfolder, trust_remote_code=False).id2label
    return [str(names[number]) for number in sorted(names)]
