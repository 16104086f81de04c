"""Which sentence pairs a training has visited, and how often: equal for methods that are compared on the same pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_AT_ONCE = 256  # batches between two counts, each of which has to wait for the device that holds the rows


class PairVisits:
    """Counts how often each pair of a corpus was visited in training, on all devices together.

    A pair is its row in :class:`~xltrobust.datamodules.parallel.prepared.PairData`. Whatever trains on a pair adds its
    row in the training step that does, not where the pair is loaded: loaders work ahead, and a pair that is loaded in a
    stage without its term is not visited.

    Args:
        of: the rows of the corpus, N.
        corpus: the corpus's hash.
        summed: gives the sum over all devices of a tensor of counts; None if there is one device.

    >>> visits = PairVisits(4, "corpus")
    >>> visits.add([0, 2]), visits.add([2])
    (None, None)
    >>> {name: value for name, value in visits.record().items() if name != "hash"}
    {'visited': 3, 'distinct': 2, 'of': 4}
    """

    def __init__(self, of: int, corpus: str, summed: Callable[[Tensor], Tensor] | None = None) -> None:
        self.of, self.corpus = of, corpus
        self._summed = summed
        self._earlier = np.zeros(of, np.int64)  # visits of all devices before the training was resumed
        self._own = np.zeros(of, np.int64)  # of this device
        self._pending: list[Tensor] = []

    def add(self, rows: Tensor | Sequence[int]) -> None:
        """Counts one visit of each row, or as many as it occurs; tensors may lie on any device.

        Raises:
            IndexError: if there is no such row; with tensors, perhaps not until the next count.
        """
        self._pending.append(rows.detach() if isinstance(rows, Tensor) else torch.tensor(rows, dtype=torch.long))
        if len(self._pending) == _AT_ONCE:
            self._count()

    @property
    def begun(self) -> bool:
        """Whether anything has been counted, on this device or before the training was resumed."""
        return bool(self._pending) or bool(self._own.any()) or bool(self._earlier.any())

    @property
    def counts(self) -> np.ndarray:
        """The visits of each row, shape (N,). With several devices, all must ask for them."""
        self._count()
        if self._summed is None:
            return self._earlier + self._own
        return self._earlier + self._summed(torch.from_numpy(self._own)).cpu().numpy()

    def record(self) -> dict[str, Any]:
        """The visits, the different rows among them, the rows of the corpus, and a hash of the corpus and these rows.

        Two trainings have the same hash if they visited the same pairs of the same corpus, however often. With several
        devices, all must call this.
        """
        counts = self.counts
        distinct = np.flatnonzero(counts)
        digest = hashlib.sha256(self.corpus.encode() + distinct.astype("<i8").tobytes())
        return {"visited": int(counts.sum()), "distinct": len(distinct), "of": self.of, "hash": digest.hexdigest()}

    def state_dict(self) -> dict[str, Any]:
        """For checkpoints. With several devices, all must call this."""
        counts = torch.from_numpy(self.counts)
        small = counts.to(torch.uint8 if self.of == 0 or counts.max() < 256 else torch.int32)
        return {"corpus": self.corpus, "counts": small}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint's counts. What was counted here before is forgotten."""
        self._earlier = state["counts"].numpy().astype(np.int64)
        self.of, self.corpus = len(self._earlier), state["corpus"]
        self._own, self._pending = np.zeros(self.of, np.int64), []

    def _count(self) -> None:
        if not self._pending:
            return
        rows = torch.cat([own.flatten().cpu() for own in self._pending]).numpy()
        self._pending = []
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.of:
            raise IndexError(f"Expected rows from 0 to {self.of - 1}, but got {rows.min()} to {rows.max()}.")
        found, times = np.unique(rows, return_counts=True)
        self._own[found] += times
