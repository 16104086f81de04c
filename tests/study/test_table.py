"""What is shown while a study is made: each combination, and what running cells said last."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from xltrobust.study.attempt import DONE, ELSEWHERE, Task
from xltrobust.study.expansion import Cell
from xltrobust.study.table import StudyTable

CELLS = [Cell(f"{arm}{seed}", {"arm": arm}, seed, ("all",), {}) for seed in (1, 2) for arm in ("a[b]", "words")]


def test_a_line_for_each_event_and_a_table_on_a_terminal(tmp_path: Path) -> None:
    tasks = {cell.name: Task(cell.name, tmp_path / cell.name, tmp_path / f"{cell.name}.log") for cell in CELLS}
    tasks["words2"].log.write_text("epoch 1\nfit: no such file: x.\n", encoding="utf8")
    tasks["words1"].log.write_text("epoch 2 of 6 · [red]3/9[/red] batches\n", encoding="utf8")
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
        with StudyTable(CELLS, {"a[b]1"}, places=2, console=console) as table:
            table.started(tasks["words1"])
            table.started(tasks["words2"])
            table.ended(tasks["words2"], 2)
            table.started(tasks["a[b]2"])
            table.ended(tasks["a[b]2"], DONE)
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert "words2 (arm=words, seed=2): failed: fit: no such file: x.; log" in shown
        assert table.progress().startswith("2 of 4 cells done, 1 failed, about 0:00:00 left")
        if terminal:
            assert "arm=a[b]" in shown and "2/2" in shown and "0/2" in shown
            assert "words1 (arm=words, seed=1) 0:00:00: epoch 2 of 6 · [red]3/9[/red] batches" in shown
        else:
            assert "a[b]2 (arm=a[b], seed=2): done in 0:00:00; 2 of 4 cells done" in shown


def test_a_cell_that_another_process_makes_has_not_failed(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=100)
    table = StudyTable(CELLS, set(), console=console)
    task = Task("words1", tmp_path / "words1", tmp_path / "words1.log")
    table.started(task)
    table.ended(task, ELSEWHERE)
    assert table.busy == ["words1"] and not table.failed
