"""A classifier as attacks see it: texts in, logits out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from xltrobust.datamodules.loading import length_batches
from xltrobust.datamodules.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier


class ClassifierVictim:
    """Answers any number of texts, in batches of equal padded length: an answer does not depend on its batch.

    Args:
        module: the classifier, in evaluation mode.
        tokenization: as the data module has it.
        max_tokens: tokens, padding included, of one batch.
        precision: the context to run in (Lightning's precision plugin has one).
    """

    def __init__(
        self,
        module: RobustClassifier,
        tokenization: Tokenization,
        max_tokens: int = 8192,
        precision: Callable[[], AbstractContextManager] = nullcontext,
    ) -> None:
        self.module, self.tokenization, self.max_tokens, self.precision = module, tokenization, max_tokens, precision

    @torch.no_grad()
    def __call__(self, examples: Sequence[Example]) -> np.ndarray:
        """Logits, shape (N, C), of N examples."""
        table = self.tokenization.table(examples)
        answers = np.empty((len(examples), len(self.module.labels)), np.float32)
        for indices in length_batches(table.lengths.tolist(), self.max_tokens):
            batch = self.tokenization.collate([table.row(i) for i in indices], to_grid=True)
            on_device = {name: tensor.to(self.module.device) for name, tensor in batch.items()}
            with self.precision():
                answers[indices] = self.module(on_device).logits.float().cpu().numpy()
        return answers
