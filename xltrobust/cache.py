"""A cache of folders that are made once: damaged ones are made anew, and an unwritable cache stops no run."""

from __future__ import annotations

import atexit
import errno
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from xltrobust.files import atomic_directory, remove_leftovers, set_aside

_MANIFEST = "manifest.json"
_BLOCKS, _BLOCK_BYTES = 16, 1 << 16  # hashed of a large file; hashing all of it would slow down every start
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_elsewhere: dict[Path, Path] = {}  # folders that could not be cached, and this process's copies of them


def cached_folder(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder in the cache, made by the first call; any number of processes may call this at the same time.

    The folder appears in one step and complete, wherever a process is killed. A manifest has the size and a hash of
    every file; if one does not match, the folder is made anew. If the cache cannot be written, the folder is made for
    this process alone, in the system's temporary directory, and the first time a warning says so.

    Args:
        folder: its path, which has to name all that its content depends on.
        make: writes the files, none of them in subfolders, into an empty folder.

    Returns:
        Where the files are.
    """
    if (private := _elsewhere.get(folder)) is not None and private.is_dir():
        return private
    if is_whole(folder):
        return folder
    making = False
    try:
        _take_away(folder)
        with atomic_directory(folder) as temporary:
            making = True
            _fill(temporary, make)
    except OSError as error:
        if is_whole(folder):  # another process was first, with the same content
            return folder
        if making and error.errno not in _FULL:
            raise
        return _make_elsewhere(folder, make, error)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether all files are there and unchanged."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf8"))
        return all(_fingerprint(folder / name) == expected for name, expected in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _fill(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder)
    files = sorted(folder.iterdir())
    manifest = folder / _MANIFEST
    manifest.write_text(json.dumps({"files": {path.name: _fingerprint(path) for path in files}}), encoding="utf8")
    for path in (*files, manifest):
        path.chmod(0o644)  # some libraries write private files, and users may share a cache
        with path.open("r+b") as stream:  # else a power cut could keep the rename but lose the content
            os.fsync(stream.fileno())


def _fingerprint(path: Path) -> list[Any]:
    """A file's size in bytes and a hash: of all of it, or of blocks spread over it if it is large."""
    size = path.stat().st_size
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        if size <= _BLOCKS * _BLOCK_BYTES:
            digest.update(file.read())
        else:
            for block in range(_BLOCKS):
                file.seek((size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return [size, digest.hexdigest()]


def _take_away(folder: Path) -> None:
    """Removes a damaged folder."""
    if not folder.exists():
        return
    aside = set_aside(folder)
    if is_whole(aside):  # another process has made it anew in the meantime
        with suppress(OSError):
            aside.rename(folder)
            return
    else:
        warnings.warn(f"{folder}: damaged or incomplete; it is made anew.", stacklevel=3)
    remove_leftovers(folder.parent)


def _make_elsewhere(folder: Path, make: Callable[[Path], None], error: OSError) -> Path:
    if not _elsewhere:
        warnings.warn(
            f"The cache {folder.parent} cannot be written ({error.strerror or error}): what belongs there is made anew "
            "by each run. XLTROBUST_CACHE names another place.",
            stacklevel=3,
        )
    private = Path(tempfile.mkdtemp(prefix="xltrobust."))
    atexit.register(_remove_in_process, private, os.getpid())
    make(private)
    _elsewhere[folder] = private
    return private


def _remove_in_process(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a forked child that exits
        shutil.rmtree(folder, ignore_errors=True)
