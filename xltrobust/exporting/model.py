"""Writes a model in the layout that has its pooling and head, and compares the answers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from xltrobust.errors import UserError
from xltrobust.exporting.agreement import largest_difference
from xltrobust.exporting.layout import Layout
from xltrobust.exporting.sentence_transformer import SentenceTransformerChain
from xltrobust.exporting.sequence_classifier import SequenceClassifier

if TYPE_CHECKING:
    from xltrobust.encoders.tokenization import Tokenization
    from xltrobust.models.classifier import RobustClassifier


def save_model(
    module: RobustClassifier, tokenization: Tokenization, directory: Path, pairs: bool
) -> tuple[Layout, float]:
    """Writes a model for transformers where one of its classes fits, else for sentence-transformers.

    Args:
        module: the classifier, in evaluation mode and on the CPU. Its encoder's configuration gets the labels' names.
        tokenization: as it was trained.
        directory: there, and empty.
        pairs: whether the model classifies pairs of texts.

    Returns:
        The layout, and the largest difference of a logit to the model's, over twenty texts, half of them too long.

    Raises:
        UserError: if no library has a layout for this model, or the directory answers otherwise than the model.
    """
    from xltrobust.encoders.load import quiet

    if module.language_maps.languages:
        raise UserError(
            "Models with linear maps of languages cannot be exported: no library's classifiers are told a text's "
            "language. Train without LinearMapping."
        )
    if module.pooling == "encoder":
        raise UserError(
            "Models with the encoder bundled-cnn cannot be exported: no library has its class, and a class of our own "
            "would be remote code to whoever loads it. Train another encoder."
        )
    if getattr(tokenization.tokenizer, "lang2id", None):
        raise UserError(
            f"Models with {module.encoder.config.model_type} encoders cannot be exported: no library's classifiers are "
            "told a text's language, which these encoders read. Train another encoder."
        )
    layout: Layout = SequenceClassifier() if SequenceClassifier.fits(module) else SentenceTransformerChain()
    config, tokenizer = module.encoder.config, copy.deepcopy(tokenization.tokenizer)
    config.id2label = dict(enumerate(module.labels))
    config.label2id = {label: number for number, label in enumerate(module.labels)}
    # Where the libraries cut texts, transformers if it is told to, and where the attack command cuts them.
    tokenizer.model_max_length = config.xltrobust_max_length = tokenization.max_length
    with quiet():
        layout.save(module, tokenizer, directory)
        return layout, largest_difference(directory, layout, module, tokenization, pairs)
