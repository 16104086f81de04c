"""One dropout mask for several passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class DropoutMask:
    """The random state of now: what is computed within :meth:`replayed` draws the dropout that was drawn from here on.

    Args:
        device: of the passes.
    """

    def __init__(self, device: torch.device) -> None:
        self._devices = [device] if device.type == "cuda" else []
        self._cpu = torch.get_rng_state()
        self._own = [torch.cuda.get_rng_state(own) for own in self._devices]

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """The state is that of then; afterwards it is again what it was before."""
        with torch.random.fork_rng(devices=self._devices):
            torch.set_rng_state(self._cpu)
            for own, state in zip(self._devices, self._own, strict=True):
                torch.cuda.set_rng_state(state, own)
            yield
