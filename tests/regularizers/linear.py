"""A classifier whose logits are linear in the embeddings: its loss is convex in a perturbation, with known maxima."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from xltrobust.models.objective import Classification
from xltrobust.models.output import Output
from xltrobust.models.passes import PassCounter
from xltrobust.models.regularized import Regularized


class Embeddings(nn.Embedding):
    """An encoder that consists of its embeddings alone."""

    def get_input_embeddings(self) -> nn.Embedding:
        return self


class LinearSoftmax(Regularized):
    """Logits are the sum over tokens of ``embedding @ weights``, shape (B, C).

    The sum is over perturbable tokens; with ``everywhere`` also over special tokens and padding, which then have
    gradients too.
    """

    progress = 1.0
    objective = Classification()

    def __init__(self, classes: int = 2, hidden: int = 6, everywhere: bool = False) -> None:
        super().__init__()
        self.everywhere = everywhere
        generator = torch.Generator().manual_seed(1)
        self.encoder = Embeddings(20, hidden, _weight=torch.randn(20, hidden, generator=generator))
        self.encoder.config = SimpleNamespace(hidden_size=hidden)
        self.weights = nn.Parameter(0.3 * torch.randn(hidden, classes, generator=generator))
        self.passes = PassCounter()
        self.shifts: list[Tensor] = []
        self.logged: dict[str, float] = {}

    def log(self, name: str, value: Any, **options: Any) -> None:
        self.logged[name] = float(value)

    def embed(self, batch: dict[str, Any]) -> Tensor:
        return self.encoder(batch["input_ids"])

    def encode(self, embeddings: Tensor, batch: dict[str, Any]) -> Tensor:
        return embeddings

    def pool(self, hidden: Tensor, batch: dict[str, Any]) -> Tensor:
        return hidden.sum(1) if self.everywhere else (hidden * batch["perturbable"].unsqueeze(-1)).sum(1)

    def classify(self, pooled: Tensor) -> Tensor:
        return self.features(pooled) @ self.weights

    def features(self, pooled: Tensor) -> Tensor:
        return pooled

    def logits(self, embeddings: Tensor, batch: dict[str, Any], shift: Tensor | None = None, layer: int = 0) -> Tensor:
        if shift is not None:
            self.shifts.append(shift.detach().clone())
            embeddings = embeddings + shift
        return self.classify(self.pool(embeddings, batch))


def make_batch(rows: int = 5, width: int = 7, classes: int = 2, seed: int = 0) -> dict[str, Tensor]:
    """A batch of texts of different lengths, with a special token at both ends and padding on the right."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([3 + row % (width - 2) for row in range(rows)])
    places = torch.arange(width)
    real = (places > 0) & (places < lengths[:, None] - 1)
    return {
        "input_ids": torch.randint(20, (rows, width), generator=generator),
        "attention_mask": (places < lengths[:, None]).long(),
        "perturbable": real,
        "labels": torch.randint(classes, (rows,), generator=generator),
        "index": torch.arange(rows),
    }


def term_of(regularizer: Any, module: Any, batch: dict[str, Any]) -> Tensor:
    """The regularizer's term on a batch, outside a training run."""
    return regularizer.term(module, batch, Output(module, batch))
