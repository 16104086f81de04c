"""The documentation site builds without a warning, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import html

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    for path in pages:
        page = html.parse(str(path))
        loaded = page.xpath("//script/@src | //img/@src | //iframe/@src | //link[not(@rel='canonical')]/@href")
        assert loaded
        assert not [address for address in loaded if "//" in str(address)], path


def test_roles_of_docstrings_are_links(site: Path) -> None:
    page = html.parse(str(site / "api" / "perturb.html"))
    assert ":class:`" not in page.xpath("string(//article)") and ":func:`" not in page.xpath("string(//article)")
    links = page.xpath("//article//a[contains(@class, 'autorefs')]/@href")
    assert any(str(link).endswith("#xltrobust.perturb.WhiteBoxVictim") for link in links)


def test_data_of_results_are_not_copied(site: Path) -> None:
    assert (site / "results" / "demo" / "report.html").exists()
    assert not list(site.rglob("*.parquet")) and not list((site / "results").rglob("*.json"))
