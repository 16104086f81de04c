"""The constraint that a perturbed text means the same as the original."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import BatchedConstraint
from xltrobust.perturb.engine.journal import answer_key


class SemanticSimilarity(BatchedConstraint):
    """Refuses perturbed texts whose sentence embedding is too far from the original's.

    This is TextFooler's constraint, with one encoder for all languages. In a pair, each changed text is compared with
    its original. Which cosine means similar depends on the encoder: the bundled one gives 0.73 to unrelated sentences
    and more than 0.86 to translations.

    Args:
        minimum: the smallest cosine similarity that is allowed, in (-1, 1].
        encoder: hub name, local directory, ``bundled`` or ``bundled-cnn``. Use the encoder as it was
            before fine-tuning: fine-tuning forgets distinctions that the task does not need.
        prefix: put before every text, but for ``bundled-cnn``.
        max_length: in tokens, special tokens included; longer texts are truncated.

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
        """Whether each (original, perturbed) pair is similar enough, shape (N,), boolean."""
        return self._sentences().similarities(pairs) >= self.minimum

    def prepare(self) -> None:
        self._sentences().load()

    def _sentences(self) -> Any:
        from xltrobust.encoders.sentence_encoder import sentence_encoder  # imports torch, which other parts don't need

        return sentence_encoder(self.encoder, self.prefix, self.max_length)
