"""Atomic writes, so that files are complete or absent; locks; and hashes of content."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError

_PART = ".part-"  # in the names of files and folders that are being written


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``, which replaces ``path`` if the block succeeds and is removed if not.

    Also removes what killed writes have left in the folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    handle, temporary = _claimed(path)
    try:
        yield temporary
        temporary.chmod(0o644)  # others may read it, whatever the umask
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields a temporary directory, which is renamed to ``path`` if the block succeeds and removed if not.

    Raises:
        OSError: if ``path`` is already a directory with files in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    handle, temporary = _claimed(path, directory=True)
    try:
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed writes have left in a folder; what is being written now is locked, and stays."""
    with suppress(OSError):  # the folder is missing, or may not be changed
        for leftover in folder.glob(f".*{_PART}*"):
            handle = os.open(leftover, os.O_RDONLY)
            if _locked(handle, without_locks=False):
                shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
            os.close(handle)


def set_aside(path: Path) -> Path:
    """Renames a file or directory so that :func:`remove_leftovers` will remove it; returns the new path."""
    return path.rename(path.parent / f".{path.name}{_PART}{secrets.token_hex(4)}")


def _claimed(path: Path, directory: bool = False) -> tuple[int, Path]:
    """A new temporary file or directory beside ``path``, and the handle that keeps it locked until it is closed."""
    while True:
        temporary = path.parent / f".{path.name}{_PART}{secrets.token_hex(4)}{'' if directory else path.suffix}"
        with suppress(FileNotFoundError, FileExistsError):
            temporary.mkdir() if directory else temporary.touch(exist_ok=False)
            handle = os.open(temporary, os.O_RDONLY)
            # Another process may have removed it before it was locked.
            if _locked(handle, without_locks=True) and temporary.exists():
                return handle, temporary
            os.close(handle)


def _locked(handle: int, without_locks: bool) -> bool:
    """Locks a file or directory until the handle is closed or its process ends.

    Args:
        handle: its file descriptor.
        without_locks: the answer on file systems that have no locks.

    Returns:
        Whether no other process had locked it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without_locks
    return True


@contextmanager
def held_alone(folder: Path, name: str, patience: float) -> Iterator[None]:
    """Holds an exclusive lock during the block, as :func:`held`, but gives up after some seconds.

    Args:
        folder: the folder that the lock is for; created if it does not exist.
        name: the lock's name within the folder.
        patience: how many seconds to wait for another process.

    Raises:
        BlockingIOError: if another process holds the lock for longer.
    """
    handle, end = _lock_file(folder, name), time.monotonic() + patience
    try:
        while not _locked(handle, without_locks=True):
            if time.monotonic() >= end:
                raise BlockingIOError(f"{folder}: another process is at work here")
            time.sleep(0.1)
        yield
    finally:
        os.close(handle)


@contextmanager
def held(folder: Path, name: str = "results") -> Iterator[None]:
    """Holds an exclusive lock during the block, after waiting for it without a time limit; so keep blocks short.

    A lock ends with its process, also with a killed one. File systems without locks exclude nobody.

    Args:
        folder: the folder that the lock is for; created if it does not exist.
        name: the lock's name within the folder.
    """
    handle = _lock_file(folder, name)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Sharing:
    """A shared lock, which tells other processes that this one uses something until it ends or calls :meth:`last`.

    Args:
        folder: the folder that the lock is for; created if it does not exist.
        name: the lock's name within the folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._handle = _lock_file(folder, name)
        with suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_SH)

    @contextmanager
    def last(self) -> Iterator[bool]:
        """Ends the use; yields whether no other process uses it, in which case none can start to during the block."""
        try:
            yield _locked(self._handle, without_locks=False)
        finally:
            os.close(self._handle)


def _lock_file(folder: Path, name: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)


def check_folder(path: Path, what: str) -> None:
    """Checks that a folder can be written to, before any work is done whose results go there.

    Args:
        path: the folder, which need not exist yet.
        what: what the message calls it, such as the option that names it.

    Raises:
        UserError: if it, or the nearest parent that exists, is not a folder or not writable.
    """
    existing = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        reason = "is not a folder" if not existing.is_dir() else "is not writable"
        shown = "it" if existing == path.absolute() else existing
        raise UserError(f"{what} {path}: cannot be written to, as {shown} {reason}; choose another.")


def cache_root() -> Path:
    """``$XLTROBUST_CACHE``, or else the folder ``xltrobust`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if configured := os.environ.get("XLTROBUST_CACHE"):
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xltrobust"


def write_json(value: dict[str, Any], path: Path) -> None:
    """Writes indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def content_hash(path: Path) -> str | None:
    """A hash (16 bytes, in hexadecimal) of a file, or of the files directly in a directory; None if unreadable.

    Files that have not changed since are not read again.
    """
    try:
        parts = sorted(part for part in path.iterdir() if part.is_file()) if path.is_dir() else [path]
        stats = [(str(part.absolute()), part.stat()) for part in parts]
        return _hash_of_files(tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats))
    except OSError:
        return None


@lru_cache(maxsize=256)
def _hash_of_files(stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, *_ in stamps:
        with open(name, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "blake2b").digest())
    return digest.hexdigest()
