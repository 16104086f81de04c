"""Where a result comes from is told, in the checkout that these tests run from."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import xltrobust
from xltrobust.runs.provenance import git_state

ROOT = Path(xltrobust.__file__).parents[1]


def test_the_commit_is_that_of_the_checkout() -> None:
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode:
        pytest.skip("the package does not stand in a checkout")
    assert git_state()["commit"] == head.stdout.strip()
    assert isinstance(git_state()["dirty"], bool)
