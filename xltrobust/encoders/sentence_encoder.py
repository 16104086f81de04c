"""Sentence vectors of an encoder that was not fine-tuned on the task, to tell whether a text keeps its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.load import encoder_inputs, load_encoder
from xltrobust.encoders.pretrained import BUNDLED_CNN
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example, Side

_MAX_TOKENS = 8192  # of one batch, padding included
_REMEMBERED = 20_000  # vectors kept in memory


class SentenceEncoder:
    """Sentence vectors of a pretrained encoder: the mean of its last layer over the tokens, scaled to length 1.

    That of ``bundled-cnn`` is its own pooling, and no prefix is put before the texts.

    Args:
        encoder: hub name, local directory, ``bundled`` or ``bundled-cnn``.
        prefix: put before every text; the bundled encoder and other E5 models expect ``"query: "``.
        max_length: in tokens, special tokens included; longer texts are truncated.

    References:
        - Wang et al. Multilingual E5 text embeddings: a technical report. 2024.
    """

    def __init__(self, encoder: str = "bundled", *, prefix: str = "query: ", max_length: int = 128) -> None:
        self.encoder, self.max_length = encoder, max_length
        self.prefix = "" if encoder == BUNDLED_CNN else prefix
        self._vectors: dict[str, np.ndarray] = {}

    def __call__(self, examples: Sequence[Example], side: Side = "text") -> np.ndarray:
        """Vectors, shape (N, H), of one side of N examples; none depends on the other examples."""
        keys = [f"{example.side_language(side)}\n{getattr(example, side) or ''}" for example in examples]
        new = {key: example for key, example in zip(keys, examples, strict=True) if key not in self._vectors}
        for key, vector in zip(new, self._encode(list(new.values()), side), strict=True):
            self._vectors[key] = vector
        vectors = np.stack([self._vectors[key] for key in keys]) if keys else np.empty((0, 0), np.float32)
        while len(self._vectors) > _REMEMBERED:
            del self._vectors[next(iter(self._vectors))]  # the oldest
        return vectors

    def similarities(self, pairs: Sequence[tuple[Example, Example]]) -> np.ndarray:
        """Cosines of originals and changed examples, shape (N,): the lower of both sides'; 1 for unchanged sides."""
        cosines = np.ones(len(pairs), np.float32)
        sides: tuple[Side, ...] = ("text", "text_pair")
        for side in sides:
            changed = [i for i, (old, new) in enumerate(pairs) if getattr(old, side) != getattr(new, side)]
            old, new = (self([pairs[i][which] for i in changed], side) for which in (0, 1))
            if changed:
                cosines[changed] = np.minimum(cosines[changed], (old * new).sum(axis=1))
        return cosines

    def load(self) -> None:
        """Loads the model now, so that a missing one is reported before an attack, not after it."""
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
            Example(example.id, example.side_language(side), self.prefix + (getattr(example, side) or ""), 0)
            for example in examples
        ]
        table = tokenization.table(texts)
        vectors: np.ndarray | None = None
        with torch.no_grad():
            for indices in length_batches(table.lengths.tolist(), _MAX_TOKENS):
                batch = tokenization.collate([table.row(i) for i in indices], to_grid=True)
                pooled = _pooled(encoder, {name: tensor.to(encoder.device) for name, tensor in batch.items()})
                if vectors is None:
                    vectors = np.empty((len(examples), pooled.shape[1]), np.float32)
                vectors[indices] = pooled.float().cpu().numpy()
        assert vectors is not None
        return vectors


def _pooled(encoder: Any, batch: dict[str, Tensor]) -> Tensor:
    hidden = encoder(**encoder_inputs(encoder, batch)).last_hidden_state
    if hasattr(encoder, "pool"):
        pooled = encoder.pool(hidden, batch["attention_mask"])
        return pooled / pooled.norm(dim=1, keepdim=True)
    mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / mean.norm(dim=1, keepdim=True)


def sentence_encoder(encoder: str, prefix: str = "query: ", max_length: int = 128) -> SentenceEncoder:
    """A sentence encoder that all users of the same one share: constraints of several attacks, and the report."""
    return _shared(encoder, prefix, max_length)


@lru_cache(maxsize=2)
def _shared(encoder: str, prefix: str, max_length: int) -> SentenceEncoder:
    return SentenceEncoder(encoder, prefix=prefix, max_length=max_length)
