"""Sentence pairs in an Arrow file: written in one pass and read memory-mapped, so that ten million take no memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset

from xltrobust.datamodules.parallel.sources.base import SentencePair

_AT_ONCE = 10_000  # pairs per record batch
_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("target", pa.string()),
        ("group", pa.int16()),  # the number of the language pair
        ("length", pa.int32()),  # characters in both texts
    ]
)


def write_pairs(pairs: Iterable[tuple[SentencePair, int]], path: Path) -> Iterator[list[tuple[str, str, int]]]:
    """Writes pairs, each with the number of its language pair, and yields what was written, batch by batch.

    The file is complete only once the iterator is exhausted.
    """
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, _SCHEMA) as writer:
        rows: list[tuple[str, str, int]] = []
        for pair, group in pairs:
            rows.append((pair.source, pair.target, group))
            if len(rows) == _AT_ONCE:
                _write(writer, rows)
                yield rows
                rows = []
        if rows:
            _write(writer, rows)
            yield rows


def _write(writer: pa.RecordBatchWriter, rows: list[tuple[str, str, int]]) -> None:
    sources, targets, groups = zip(*rows, strict=True)
    lengths = [len(source) + len(target) for source, target in zip(sources, targets, strict=True)]
    arrays = [
        pa.array(values, type=field.type)
        for values, field in zip((sources, targets, groups, lengths), _SCHEMA, strict=True)
    ]
    writer.write_batch(pa.record_batch(arrays, schema=_SCHEMA))


def copy_rows(path: Path, rows: np.ndarray, destination: Path) -> str:
    """Writes some rows of one file to another, in their order.

    Args:
        path: a file written by :func:`write_pairs`.
        rows: in ascending order.
        destination: the file to write.

    Returns:
        The SHA-256 of the texts and groups written, in their order.
    """
    digest, start = hashlib.sha256(), 0
    with (
        pa.OSFile(str(path)) as source,  # not memory-mapped: reading it once would leave all of it resident
        pa.ipc.open_stream(source) as reader,
        pa.OSFile(str(destination), "wb") as file,
        pa.ipc.new_stream(file, _SCHEMA) as writer,
    ):
        for batch in reader:
            first, last = np.searchsorted(rows, [start, start + len(batch)])
            if last > first:
                kept = batch.take(pa.array(rows[first:last] - start))
                writer.write_batch(kept)
                columns = (kept[name].to_pylist() for name in ("source", "target", "group"))
                for text, translation, group in zip(*columns, strict=True):
                    digest.update(f"{group}\t{text}\t{translation}\n".encode())
            start += len(batch)
    return digest.hexdigest()


def open_pairs(path: Path) -> Dataset:
    """The rows of a file, memory-mapped."""
    return Dataset.from_file(str(path))


def column(data: Dataset, name: str) -> np.ndarray:
    """A column of numbers, shape (N,)."""
    return data.data.column(name).to_numpy() if len(data) else np.zeros(0, np.int64)
