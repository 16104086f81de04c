"""The tables of the attack reference are what the perturbations do, and leave none out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from xltrobust.catalogue import classes

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("perturbation_examples", DOCS / "perturbation_examples.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


def test_the_tables_are_up_to_date(script: ModuleType) -> None:
    page = (DOCS / "perturbations.md").read_text(encoding="utf8")
    assert script.filled(page) == page, "run `python docs/perturbation_examples.py`"


def test_every_perturbation_has_its_table(script: ModuleType, tmp_path: Path) -> None:
    page = (DOCS / "perturbations.md").read_text(encoding="utf8")
    exported = {name for name, _ in classes("perturbations") if "." not in name}
    exported.remove("Replay")  # tries the texts that another attack found
    assert exported == set(script.perturbations(tmp_path))
    assert all(f"<!-- examples of {name} -->\n\n| |" in page for name in exported)
