"""The code on the documentation's pages runs, its doctests hold, and its commands exist."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
import yaml
from readers_files import write_readers_files
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from xltrobust.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = [path for path in PAGES if "```python" in path.read_text(encoding="utf8")]
OPTION = re.compile(r"(?<=\s)(--?[a-z][\w.+-]*)")


def commands(path: Path) -> list[str]:
    """The command lines of a page's console blocks, each on one line, without comments."""
    blocks = re.findall(r"```console\n(.*?)```", path.read_text(encoding="utf8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if "xltrobust" in line]


XLTROBUST = [(path, line) for path in PAGES for line in commands(path) if re.search(r"xltrobust [a-z]+ ", line)]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_code_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = Document.parse(str(path), PythonCodeBlockParser(future_imports=["annotations"]))
    # What pages take for granted: a finished run, and the reader's own files.
    columns = ["language", "attack", "label", "prediction", "adversarial_text"]
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    pd.DataFrame([["de", "typo", 0, 1, "mahc licht"]], columns=columns).to_parquet(run / "predictions.parquet")
    write_readers_files(tmp_path)
    examples = list(document.examples())
    assert examples
    with contextlib.redirect_stdout(io.StringIO()):
        for example in examples:
            example.evaluate()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_yaml_is_valid(path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf8"), re.DOTALL):
        assert isinstance(yaml.safe_load(block), dict)


@pytest.mark.parametrize(("path", "line"), XLTROBUST, ids=lambda given: given.name if isinstance(given, Path) else None)
def test_commands_exist(path: Path, line: str) -> None:
    """With all the options that pages give them; those of ``fit``, which its configuration makes, are not looked up."""
    command, given = re.search(r"xltrobust (\w+)(.*)", line).groups()  # type: ignore[union-attr]
    assert command in COMMANDS
    for file in re.findall(r"experiments/\S+\.yaml", given):
        assert (ROOT / file).exists()
    if command != "fit":
        told = help_of(command)
        assert not [option for option in OPTION.findall(given) if not re.search(rf"(?<![\w-]){option}\b", told)]


def help_of(command: str) -> str:
    module = importlib.import_module(COMMANDS[command][0])
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{module.__name__}.__main__")
    with contextlib.redirect_stdout(io.StringIO()) as told, pytest.raises(SystemExit):
        module.main(["--help"])
    return told.getvalue()


def test_commands_are_found() -> None:
    assert len(XLTROBUST) > 10


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_repository_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", (ROOT / name).read_text(encoding="utf8"))
    local = [link for pair in links for link in pair if link and not link.startswith(("https://", "#"))]
    assert name == "CHANGELOG.md" or local
    assert not [link for link in local if not (ROOT / link.partition("#")[0]).exists()]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["version"] == metadata.version("xltrobust")
