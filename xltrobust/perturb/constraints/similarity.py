"""The constraint that a changed text still means the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import BatchedConstraint
from xltrobust.perturb.engine.journal import answer_key


class SemanticSimilarity(BatchedConstraint):
    """Refuses texts whose vector is too far from the original's, by the encoder as it was before fine-tuning.

    As TextFooler's constraint, with one encoder for all languages. Of a pair each text that was changed is compared
    with its original. What is similar depends on the encoder: the bundled one gives 0.73 to unrelated
    sentences and more than 0.86 to translations.

    Args:
        minimum: the least cosine that is allowed, in (-1, 1].
        encoder: hub name, local directory or ``bundled``; not the fine-tuned one, which forgets what the task
            does not need.
        prefix: put before every text.
        max_length: tokens, special tokens included; longer texts are truncated.

    Raises:
        ValueError: if ``minimum`` is not a number in (-1, 1].

    References:
        - Jin, Jin, Zhou & Szolovits. Is BERT really robust? A strong baseline for natural language attack on text
          classification and entailment. AAAI 2020.
    """

    def __init__(
        self, *, minimum: float = 0.9, encoder: str = "bundled", prefix: str = "query: ", max_length: int = 128
    ) -> None:
        if not isinstance(minimum, int | float) or isinstance(minimum, bool) or not -1 < minimum <= 1:
            raise ValueError(f"Expected argument `minimum` to be a number in (-1, 1], but got {minimum!r}.")
        self.minimum = minimum
        self.encoder, self.prefix, self.max_length = encoder, prefix, max_length

    @property
    def key(self) -> str:
        return answer_key("similarity", self.minimum, self.encoder, self.prefix, self.max_length).hex()

    def judge(self, pairs: Sequence[tuple[Example, Example]]) -> np.ndarray:
        """Whether each (original, changed) is similar enough, shape (N,)."""
        return self._sentences().similarities(pairs) >= self.minimum

    def prepare(self) -> None:
        self._sentences().load()

    def _sentences(self) -> Any:
        from xltrobust.encoders.sentence_encoder import sentence_encoder  # loads torch: a perturbation alone needs none

        return sentence_encoder(self.encoder, self.prefix, self.max_length)
