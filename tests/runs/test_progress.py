"""Progress: lines in a file, bars on a terminal, the language by its name, and figures that can be believed."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import run_command, write_tiny_config
from xltrobust.runs.progress import Display


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(**options) -> tuple[Display, io.StringIO, Clock]:
    file, clock = io.StringIO(), Clock()
    return Display(file=file, clock=clock, **options), file, clock


def test_a_line_a_minute_and_one_at_the_end() -> None:
    display, file, clock = shown()
    phase = display.phase("test: de", 300, "batches")
    for done in range(1, 301):
        clock.now += 1
        phase.to(done, lambda done=done: f"at {done}")  # type: ignore[misc]
    phase.end("test of de")
    assert file.getvalue().splitlines() == [
        "test: de: 60/300 batches (20%), 0:01:00 so far, 0:04:00 left · at 60",
        "test: de: 120/300 batches (40%), 0:02:00 so far, 0:03:00 left · at 120",
        "test: de: 180/300 batches (60%), 0:03:00 so far, 0:02:00 left · at 180",
        "test: de: 240/300 batches (80%), 0:04:00 so far, 0:01:00 left · at 240",
        "test: de: 300/300 batches (100%), 0:05:00 so far, 0:00:00 left · at 300",
        "test of de: 300/300 batches in 0:05:00 · at 300",
    ]


def test_the_time_left_is_not_judged_by_what_an_earlier_process_did() -> None:
    display, file, clock = shown(every=0)
    phase = display.phase("epoch 3 of 4", 4, "passes")
    phase.start_at(2.5)
    clock.now += 30
    phase.to(3.0)
    assert file.getvalue() == "epoch 3 of 4: 3/4 passes (75%), 0:00:30 so far, 0:01:00 left\n"


def test_where_nobody_knows_the_end_no_time_is_left() -> None:
    display, file, clock = shown(every=0)
    phase = display.phase("epoch 1", None, "batches")
    clock.now += 5
    phase.to(7)
    phase.end()
    assert file.getvalue() == "epoch 1: 7 batches, 0:00:05 so far\nepoch 1: 7 batches in 0:00:05\n"


def test_bars_show_all_phases_and_leave_only_lines_behind() -> None:
    display, file, clock = shown(live=True, every=0)
    outer, inner = display.phase("epoch 1 of 2", 10, "batches"), display.phase("validation: [de]", 4, "batches")
    clock.now += 8
    inner.to(2, lambda: "so far [good]")
    assert display._bars is not None
    display._bars.refresh()
    drawn = file.getvalue()
    for words in ("epoch 1 of 2", "validation: [de]", "2/4 batches · 0:00:08 left"):
        assert words in drawn
    inner.end("")
    display.say("a line")
    after = file.getvalue().rpartition("a line")[2]
    assert "epoch 1 of 2" in after and "validation" not in after
    outer.end("training")
    assert display._bars is None
    tail = file.getvalue().splitlines()
    assert "training: 0/10 batches in 0:00:08" in "\n".join(tail)


def test_nothing_is_shown_by_the_other_processes() -> None:
    display, file, clock = shown(shown=False, every=0)
    phase = display.phase("test", 2)
    phase.to(1)
    phase.end()
    display.say("a line")
    assert file.getvalue() == ""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> str:
    config = write_tiny_config(tmp_path_factory.mktemp("shown") / "config.yaml", tiny_encoder, tiny_task, logger=False)
    return run_command("fit", "--config", config, "--trainer.enable_progress_bar", "true", "--trainer.max_epochs", "2",
                       "--data.init_args.validate_targets", "1").stderr  # fmt: skip


def test_a_log_names_the_languages_and_has_no_carriage_returns(lines: str) -> None:
    assert "\r" not in lines and "\x1b" not in lines
    own = [line for line in lines.splitlines() if re.match(r"epoch|training|test|attack", line)]
    timeless = (re.sub(r"\d:\d\d:\d\d", "T", line) for line in own)
    assert [re.sub(r"\d+\.\d%|\d+/\d+(?= batches)", "N", line) for line in timeless] == [
        "epoch 1 of 2: validated on en, de, zh · source accuracy N",
        "epoch 2 of 2: validated on en, de, zh · source accuracy N",
        "training: N batches in T",
        "test of en, de, zh: N batches in T",
        "attack typo: 75/75 examples in T · accuracy en N, de N, zh N, 150 queries",
    ]


def test_a_terminal_shows_bars(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, logger=False)
    command = [sys.executable, "-m", "xltrobust.fit", "--config", str(config), "--trainer.enable_progress_bar", "true"]
    ours, theirs = pty.openpty()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    drawn = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        drawn += part
    assert done.wait() == 0 and done.stdout is not None
    text = drawn.decode()
    for words in ("epoch 1 of 3", "batches", "left", "test of en, de, zh", "attack typo: 75/75 examples"):
        assert words in text
    assert "accuracy in %" in done.stdout.read().decode()  # the report goes where it was sent
