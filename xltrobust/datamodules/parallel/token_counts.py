"""The tokens of a corpus's sentence pairs, counted once: pairs are batched by the longer text of each."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from xltrobust.cache import cached_folder
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.stream import pair_examples
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.files import cache_root

_AT_ONCE = 10_000  # pairs
_MOST = 1_000_000  # pairs; tokenizing more takes longer than most trainings


def pair_tokens(data: PairData, tokenization: Tokenization) -> np.ndarray:
    """The tokens of each pair's source and target text, special tokens included, shape (2, N); read from the cache if
    they were counted before. The pairs are true ones whatever the control.
    """
    key = f"1/{data.record['hash']}/{tokenization.fingerprint}/{tokenization.max_length}"  # 1: the file's layout
    pairs = data.without_control

    def make(folder: Path) -> None:
        counts = [np.zeros((2, 0), np.int32)]
        for first in range(0, len(pairs), _AT_ONCE):
            rows = np.arange(first, min(first + _AT_ONCE, len(pairs)))
            table = tokenization.table(pair_examples(pairs.pairs(rows)), keep=False)
            counts.append(table.lengths.reshape(2, -1).astype(np.int32))
        np.save(folder / "tokens.npy", np.concatenate(counts, axis=1))

    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return np.load(cached_folder(cache_root() / "pair_tokens" / name, make) / "tokens.npy")


def batching_lengths(data: PairData, tokenization: Tokenization) -> np.ndarray:
    """The length by which pairs are put into batches, shape (N,): the tokens of the longer text, to which both are
    padded. Of more than a million pairs, the characters of both texts.
    """
    return data.lengths if len(data) > _MOST else pair_tokens(data, tokenization).max(axis=0)
