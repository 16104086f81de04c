"""Sentence vectors of an encoder that was never trained on the task: what tells whether a text still means the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.load import load_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example, Side

_MAX_TOKENS = 8192  # of one batch, padding included
_REMEMBERED = 20_000  # vectors kept at a time


class SentenceEncoder:
    """Sentence vectors of a pretrained encoder as it comes: the mean of its last layer over the tokens, of length 1.

    Args:
        encoder: hub name, local directory or ``bundled``.
        prefix: put before every text; the bundled encoder and others of its family want ``"query: "``.
        max_length: tokens, special tokens included; longer texts are truncated.

    References:
        - Wang et al. Multilingual E5 text embeddings: a technical report. 2024.
    """

    def __init__(self, encoder: str = "bundled", *, prefix: str = "query: ", max_length: int = 128) -> None:
        self.encoder, self.prefix, self.max_length = encoder, prefix, max_length
        self._vectors: dict[str, np.ndarray] = {}

    def __call__(self, examples: Sequence[Example], side: Side = "text") -> np.ndarray:
        """Vectors, shape (N, H), of one side of N examples; the same whatever else is in the batch."""
        keys = [f"{example.side_language(side)}\n{getattr(example, side) or ''}" for example in examples]
        new = {key: example for key, example in zip(keys, examples, strict=True) if key not in self._vectors}
        for key, vector in zip(new, self._encode(list(new.values()), side), strict=True):
            self._vectors[key] = vector
        found = np.stack([self._vectors[key] for key in keys]) if keys else np.empty((0, 0), np.float32)
        while len(self._vectors) > _REMEMBERED:
            del self._vectors[next(iter(self._vectors))]  # the oldest
        return found

    def similarities(self, pairs: Sequence[tuple[Example, Example]]) -> np.ndarray:
        """Cosines of originals and changed examples, shape (N,): of the side that changed most, 1 where none did."""
        found = np.ones(len(pairs), np.float32)
        sides: tuple[Side, ...] = ("text", "text_pair")
        for side in sides:
            at = [i for i, (old, new) in enumerate(pairs) if getattr(old, side) != getattr(new, side)]
            old, new = (self([pairs[i][which] for i in at], side) for which in (0, 1))
            if at:
                found[at] = np.minimum(found[at], (old * new).sum(axis=1))
        return found

    def load(self) -> None:
        """Loads the model now: that there is none is told before an attack, not after it."""
        _ = self._model

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return load_encoder(self.encoder).eval().to(device), Tokenization(self.encoder, self.max_length)

    def _encode(self, examples: Sequence[Example], side: Side) -> np.ndarray:
        if not examples:
            return np.empty((0, 0), np.float32)
        encoder, tokenization = self._model
        texts = [
            Example(own.id, own.side_language(side), self.prefix + (getattr(own, side) or ""), 0) for own in examples
        ]
        table = tokenization.table(texts)
        found: np.ndarray | None = None
        with torch.no_grad():
            for indices in length_batches(table.lengths.tolist(), _MAX_TOKENS):
                batch = tokenization.collate([table.row(i) for i in indices], to_grid=True)
                batch.pop("language")
                vectors = _pooled(encoder, {name: tensor.to(encoder.device) for name, tensor in batch.items()})
                if found is None:
                    found = np.empty((len(examples), vectors.shape[1]), np.float32)
                found[indices] = vectors.float().cpu().numpy()
        assert found is not None
        return found


def _pooled(encoder: Any, batch: dict[str, Tensor]) -> Tensor:
    hidden = encoder(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / mean.norm(dim=1, keepdim=True)


def sentence_encoder(encoder: str, prefix: str = "query: ", max_length: int = 128) -> SentenceEncoder:
    """One encoder for all that ask for the same: constraints of several attacks, and the report of their results."""
    return _shared(encoder, prefix, max_length)


@lru_cache(maxsize=2)
def _shared(encoder: str, prefix: str, max_length: int) -> SentenceEncoder:
    return SentenceEncoder(encoder, prefix=prefix, max_length=max_length)
