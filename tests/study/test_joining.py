"""Cells that were made on several machines come into one folder, unless they contradict each other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from study.studies import finished_study

from xltrobust.errors import UserError
from xltrobust.study.joining import main
from xltrobust.study.states import State, made

A, B, C = ({"levels": {"arm": arm}} for arm in ("plain", "words", "sentences"))


def test_what_is_not_done_here_is_taken_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = finished_study(tmp_path / "here", a=A | {"run": {}}, b=B, c=C)
    there = finished_study(tmp_path / "there", a=A | {"run": {}}, b=B | {"run": {"machine": {"processor": "x"}}}, c=C)
    there.run("b").checkpoints.mkdir()
    here.run("b").checkpoints.mkdir(parents=True)  # half a run
    here.run("b").last.touch()
    main([str(here.path), str(there.path)])
    printed = capsys.readouterr().out
    assert f"{there.path}: 1 cells taken over, 1 were here already" in printed
    assert "2 of 3 cells done" in printed and "2 kinds of processor" in printed
    assert made(here.run("b")).state is State.DONE and not here.run("b").checkpoints.exists()
    assert here.run("b").predictions.read_bytes() == there.run("b").predictions.read_bytes()

    empty = tmp_path / "empty"
    main([str(empty), str(there.path), "--checkpoints"])
    assert (empty / "study.yaml").exists() and (empty / "runs" / "b" / "checkpoints").exists()


def test_contradictions_are_refused_and_nothing_is_taken_over(tmp_path: Path) -> None:
    here = finished_study(tmp_path / "here", a=A | {"run": {}}, b=B)
    there = finished_study(tmp_path / "there", a=A | {"run": {"shift": 1}}, b=B | {"run": {}})
    with pytest.raises(UserError, match=r"cell a \(arm=plain, seed=0\) is in .*different contents \(3 of 190 rows\)"):
        main([str(here.path), str(there.path)])
    assert not here.run("b").path.exists()
    shutil.rmtree(there.run("a").path)
    other = finished_study(tmp_path / "other", a=A | {"run": {}}, b=B | {"run": {"code": "0"}})
    with pytest.raises(UserError, match="cell b was made by other code"):
        main([str(here.path), str(there.path), str(other.path)])
    strangers = finished_study(tmp_path / "strangers", z=C | {"run": {}})
    with pytest.raises(UserError, match=r"1 finished cells are no cells of .*here \(such as z\)"):
        main([str(here.path), str(strangers.path)])
    swapped = finished_study(tmp_path / "swapped", a=B | {"run": {}})
    with pytest.raises(UserError, match="a has other levels than in"):
        main([str(here.path), str(swapped.path)])
