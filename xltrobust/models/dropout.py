"""The same dropout mask in several forward passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class DropoutMask:
    """The random state when it is made: passes within :meth:`replayed` draw the same dropout as the pass after it.

    Args:
        device: the device of the passes.
    """

    def __init__(self, device: torch.device) -> None:
        self._devices = [device] if device.type == "cuda" else []
        self._cpu = torch.get_rng_state()
        self._cuda = [torch.cuda.get_rng_state(each) for each in self._devices]

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Sets the random state back for its block, and restores the present one afterwards."""
        with torch.random.fork_rng(devices=self._devices):
            torch.set_rng_state(self._cpu)
            for each, state in zip(self._devices, self._cuda, strict=True):
                torch.cuda.set_rng_state(state, each)
            yield
