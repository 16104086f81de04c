"""Helpers for tests of readers of parallel text."""

import gzip
import re

import pytest

from xltrobust.errors import DataError


def write(path, content: str | bytes):
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def refused(read, message: str, kind=DataError) -> None:
    with pytest.raises(kind, match=re.escape(message)) as error:
        read()
    assert "\n" not in str(error.value)


def pairs(bitext) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in bitext]
