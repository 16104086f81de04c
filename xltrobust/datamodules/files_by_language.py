"""Paths in which ``{language}`` stands for a language code: one file a language."""

from __future__ import annotations

import re
from glob import escape, glob
from pathlib import Path

PLACE = "{language}"


def files_by_language(pattern: str) -> dict[str, Path]:
    """The files that a path with ``{language}`` stands for, by what is in its place, sorted."""
    parts = pattern.split(PLACE)
    literal = [re.escape(part) for part in parts]
    expression = re.compile(literal[0] + r"([^/\\]+)" + r"\1".join(literal[1:]))
    paths = sorted(glob("*".join(map(escape, parts))))
    return {match[1]: Path(path) for path in paths if (match := expression.fullmatch(path))}
