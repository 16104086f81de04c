"""Seeds that depend on what they are for and never on what ran before, so that resuming or sharding changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager


def global_seed() -> int:
    """The seed that ``seed_everything`` set. (Lightning keeps it in the environment, so every process has it.)"""
    return int(os.environ.get("PL_GLOBAL_SEED", "0"))


def derived_seed(*parts: object) -> int:
    """A 63-bit seed from the ``repr`` of ``parts``; unlike ``hash`` it is the same in every process.

    >>> derived_seed(0, "de", 3) == derived_seed(0, "de", 3) != derived_seed(0, "de", 4)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode("utf8"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """In the block torch draws on the CPU from this seed; afterwards it goes on as if nothing had been drawn."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
