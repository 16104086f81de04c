"""Whatever a command is given: one clear line that names what is wrong, nothing left behind, nothing lost."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from malformed import commands as other_commands
from malformed import configuration, data_files, models, runs
from malformed.server import BROKEN_PIPE, COMMANDS
from malformed.workplace import Case, Commands, build, snapshot

CASES: dict[str, Case] = {}
for module in (configuration, data_files, models, runs, other_commands):
    assert not CASES.keys() & module.CASES.keys()
    CASES |= module.CASES
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("commands")
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1", "WANDB_MODE": "disabled",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)]), "XLTROBUST_CACHE": str(folder / "cache"),
    }  # fmt: skip
    with Commands(folder, environment) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, commands: Commands, tiny_encoder: Path, tiny_task: Path) -> Path:
    """The workplace as it is before it is damaged."""
    folder = tmp_path_factory.mktemp("whole")
    build(folder, commands, tiny_encoder, tiny_task)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_one_clear_line_and_nothing_left(name: str, whole: Path, commands: Commands, tmp_path: Path) -> None:
    case = CASES[name]
    folder = shutil.copytree(whole, tmp_path / "workplace")
    for damage in case.damage:
        damage(folder)
    before = snapshot(folder)
    code, stdout, stderr = commands(case.command, shlex.split(case.arguments), folder, case.stdin)
    assert code == case.code, stderr[-3000:]
    assert "Traceback" not in stderr, stderr[-3000:]
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    for word in case.says:
        assert word in lines[0], f"{word!r} is not named: {lines[0]}"
    assert snapshot(folder) == before, sorted(set(snapshot(folder).items()) ^ set(before.items()))


def test_nobody_reads_on(whole: Path, commands: Commands) -> None:
    code, _, stderr = commands("predict", ["--run", "run", "-"], whole, b"red\n" * 100, stdout=BROKEN_PIPE)
    assert code == 141 and not stderr


def test_what_begins_and_ends_lines_is_no_text(whole: Path, commands: Commands) -> None:
    code, stdout, _ = commands(
        "predict", ["--run", "run", "-"], whole, "\ufeffthe red house\r\n\r\nblue\u2028".encode()
    )
    assert code == 0 and [json.loads(line)["text"] for line in stdout.split("\n")[:-1]] == [
        "the red house",
        "",
        "blue\u2028",
    ]


def test_there_are_enough_cases_of_every_command() -> None:
    number = Counter(case.command for case in CASES.values())
    assert set(number) == set(COMMANDS) and len(CASES) >= 150 and min(number.values()) >= 5, number
