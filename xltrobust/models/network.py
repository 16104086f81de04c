"""What a classifier has to offer to be attacked, tested, or taken apart step by step.

B examples, T tokens, H hidden size, C classes. A batch is what :class:`~xltrobust.encoders.tokenization.Tokenization`
collates.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

Batch = dict[str, Any]


class Answer(Protocol):
    """The result of a network's forward pass."""

    @property
    def logits(self) -> Tensor:
        """Shape (B, C)."""


class Network(Protocol):
    """A classifier as attacks see it: logits of a batch, and logits as a function of its token embeddings."""

    labels: list[str]

    @property
    def device(self) -> torch.device:
        """Where its inputs have to be."""

    def __call__(self, batch: Batch, /) -> Answer:
        """The forward pass."""

    def embed(self, batch: Batch) -> Tensor:
        """Token embeddings before positions and layer norm, shape (B, T, H), of ``batch["input_ids"]`` alone."""

    def logits(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Logits, shape (B, C), for token embeddings of shape (B, T, H)."""


class EncoderNetwork(Network, Protocol):
    """A network whose forward pass consists of four steps: ``embed``, ``encode``, ``pool`` and ``classify``."""

    def encode(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """The encoder's last layer, shape (B, T, H), for token embeddings of shape (B, T, H)."""

    def pool(self, hidden: Tensor, batch: Batch) -> Tensor:
        """One vector an example, shape (B, H), of hidden states, shape (B, T, H)."""

    def features(self, pooled: Tensor) -> Tensor:
        """The input of the head's last layer, shape (B, H), of pooled vectors, shape (B, H)."""

    def classify(self, pooled: Tensor) -> Tensor:
        """Logits, shape (B, C), of pooled vectors, shape (B, H)."""
