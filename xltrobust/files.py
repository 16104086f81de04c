"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``, which replaces ``path`` if the block succeeds and vanishes if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would keep colleagues out
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def cache_root() -> Path:
    """``$XLTROBUST_CACHE``, or ``xltrobust`` below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if own := os.environ.get("XLTROBUST_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xltrobust"


def write_json(value: dict[str, Any], path: Path) -> None:
    """Writes JSON for people and programs, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
