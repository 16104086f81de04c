"""Keeps answers on disk, so that an attack that was killed resumes without asking anything twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_HEAD = 16 + 4  # the key and the number of values, in bytes


def answer_key(*parts: object) -> bytes:
    """A hash of 16 bytes that identifies a question.

    >>> answer_key("en", "a", None) == answer_key("en", "a", None) != answer_key("en", "a", "None")
    True
    """
    return hashlib.blake2b(repr(parts).encode("utf8", "surrogatepass"), digest_size=16).digest()


def victim_folder(root: Path, weights: Path, *settings: object) -> Path:
    """The folder for the answers of one victim, named by a hash of its weights and of its settings.

    Args:
        root: the folder that holds the folders of all victims.
        weights: a file, or a directory of files.
        settings: whatever else answers depend on, such as the maximum length of a text and the precision.
    """
    digest = hashlib.blake2b(repr(settings).encode("utf8"), digest_size=16)
    for path in sorted(weights.rglob("*")) if weights.is_dir() else [weights]:
        if path.is_file():
            with path.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "blake2b").digest())
    return root / digest.hexdigest()


class Journal:
    """The answers of one victim, appended to a file as they come. A record that a kill left half-written is cut off.

    Several processes may share a folder: each writes a file of its own, and reads all files when it starts.

    Args:
        folder: for this victim's files; created if missing. Name it by everything that answers depend on (weights,
            maximum length, precision; see :func:`victim_folder`): all answers in it are taken for this victim's.
        name: of the file that this process writes, different for every process.
    """

    def __init__(self, folder: Path, name: str = "0") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[bytes, np.ndarray] = {}
        written = folder / f"{name}.answers"
        for path in sorted(folder.glob("*.answers")):
            whole = self._read(path.read_bytes())
            if path == written:
                with path.open("r+b") as opened:
                    opened.truncate(whole)
        self._file = written.open("ab")

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> np.ndarray | None:
        """The answer, shape (n,), or None if there is none."""
        return self._known.get(key)

    def add(self, answers: Iterable[tuple[bytes, np.ndarray]]) -> None:
        """Adds answers, each of shape (n,). When this returns, they survive a kill of this process."""
        pieces = []
        for key, values in answers:
            row = np.ascontiguousarray(values, "<f8")
            self._known[key] = row
            pieces += [key, len(row).to_bytes(4, "little"), row.tobytes()]
        self._file.write(b"".join(pieces))
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self, data: bytes) -> int:
        """Reads the records of a file; returns where the last complete one ends."""
        at = 0
        while at + _HEAD <= len(data):
            size = int.from_bytes(data[at + 16 : at + 20], "little")
            end = at + _HEAD + 8 * size
            if end > len(data):
                break
            self._known[data[at : at + 16]] = np.frombuffer(data, "<f8", size, at + _HEAD)
            at = end
        return at
