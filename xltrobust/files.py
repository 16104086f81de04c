"""Files that are either whole or not there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError

_PART = ".part-"  # in the names of what is being written


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``, which replaces ``path`` if the block succeeds and vanishes if not.

    What writes that were killed have left in the folder is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    handle, temporary = _claimed(path)
    try:
        yield temporary
        temporary.chmod(0o644)  # whatever the umask: colleagues may read
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Gives a temporary directory beside ``path``, which becomes ``path`` if the block succeeds and vanishes if not.

    Raises:
        OSError: if there is a directory with files in it already.
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
    """Removes what killed writes have left in a folder; what somebody is writing now is locked, and stays."""
    with suppress(OSError):  # a folder that is not there, or not ours to tidy
        for leftover in folder.glob(f".*{_PART}*"):
            handle = os.open(leftover, os.O_RDONLY)
            if _locked(handle, without_locks=False):
                shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
            os.close(handle)


def set_aside(path: Path) -> Path:
    """Takes a file or directory out of its place, to be removed with what killed writes leave; returns where it is."""
    return path.rename(path.parent / f".{path.name}{_PART}{secrets.token_hex(4)}")


def _claimed(path: Path, directory: bool = False) -> tuple[int, Path]:
    """A new temporary file or directory beside ``path``, and the handle that keeps it locked until it is closed."""
    while True:
        temporary = path.parent / f".{path.name}{_PART}{secrets.token_hex(4)}{'' if directory else path.suffix}"
        with suppress(FileNotFoundError, FileExistsError):
            temporary.mkdir() if directory else temporary.touch(exist_ok=False)
            handle = os.open(temporary, os.O_RDONLY)
            # Somebody who tidies may have come before the lock.
            if _locked(handle, without_locks=True) and temporary.exists():
                return handle, temporary
            os.close(handle)


def _locked(handle: int, without_locks: bool) -> bool:
    """Locks a file or directory until the handle is closed or its process ends.

    Args:
        handle: of the file.
        without_locks: the answer on file systems that have no locks.

    Returns:
        Whether it was free.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without_locks
    return True


@contextmanager
def held(folder: Path, name: str = "results") -> Iterator[None]:
    """Keeps other processes that ask for the same out of the block; a lock ends with its process, also a killed one.

    File systems without locks let everybody in. What may be waited for must be short.

    Args:
        folder: what is written in; made if need be.
        name: what of it.
    """
    handle = _lock_file(folder, name)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Sharing:
    """Says that this process uses something, until it ends or :meth:`last` is asked.

    Args:
        folder: what it is in; made if need be.
        name: what of it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._handle = _lock_file(folder, name)
        with suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_SH)

    @contextmanager
    def last(self) -> Iterator[bool]:
        """Ends the use; whether nobody else uses it, nor can begin to before the block ends."""
        try:
            yield _locked(self._handle, without_locks=False)
        finally:
            os.close(self._handle)


def _lock_file(folder: Path, name: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)


def check_folder(path: Path, what: str) -> None:
    """Refuses a folder in which nothing can be written, before any work is done for what is to go there.

    Args:
        path: the folder, which need not exist yet.
        what: what names it, for the message.

    Raises:
        UserError: if it, or what it would have to be made in, is a file or may not be written to.
    """
    existing = next(own for own in (path.absolute(), *path.absolute().parents) if own.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        reason = "is not a folder" if not existing.is_dir() else "may not be written to"
        shown = "it" if existing == path.absolute() else existing
        raise UserError(f"{what} {path}: cannot be written in, for {shown} {reason}; choose another.")


def cache_root() -> Path:
    """``$XLTROBUST_CACHE``, or ``xltrobust`` below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if own := os.environ.get("XLTROBUST_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xltrobust"


def write_json(value: dict[str, Any], path: Path) -> None:
    """Writes JSON for people and programs, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def content_hash(path: Path) -> str | None:
    """16 bytes, in hexadecimal, that stand for the content of a file, or of the files right in a directory.

    What has not changed since is not read again; None if it cannot be read.
    """
    try:
        parts = sorted(own for own in path.iterdir() if own.is_file()) if path.is_dir() else [path]
        stats = [(str(own.absolute()), own.stat()) for own in parts]
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
