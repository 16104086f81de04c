"""A study is made cell by cell: what is done stays, what was killed goes on, what fails is told beside the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from study.studies import write_study

from xltrobust.errors import UserError
from xltrobust.study.__main__ import main
from xltrobust.study.folder import StudyFolder

TESTS = Path(__file__).parents[1]


@pytest.fixture
def study(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[StudyFolder, list[str]]:
    """Two cells, of which one lacks its data, and the command's options."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))  # where the cells' processes find the killer
    data = {"data": {"init_args": {"data_dir": str(tmp_path / "data")}}}
    options = {"trainer": {"logger": False, "max_epochs": 2, "callbacks": [{"class_path": "killer.Killer"}]}}
    arms = {"arm": {"killed": None, "lacks": data}}
    path = write_study(tmp_path, tiny_encoder, tiny_task, base=["base.yaml", options], factors=arms, seeds=[1])
    return StudyFolder(tmp_path / "out"), ["--config", str(path), "--folder", str(tmp_path / "out"), "--no-trials"]


def test_a_study_that_fails_in_one_cell_and_is_killed_in_another(
    study: tuple[StudyFolder, list[str]], tiny_task: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder, options = study
    main([*options, "--dry-run"])
    assert "2 of 2 cells are to be made" in capsys.readouterr().out and not folder.path.exists()
    monkeypatch.setenv("KILL_AT", "train_epoch_start:2")
    with pytest.raises(UserError, match=r"2 of 2 cells failed; \w+ \(arm=\w+, seed=1\): .*The same command tries"):
        main([*options, "--processes", "2"])
    said = capsys.readouterr().err
    assert "local: 2 processes of 1 thread" in said
    killed, lacks = folder.read()
    assert f"{killed} (arm=killed, seed=1): was stopped (-9) from outside; the same command resumes it" in said
    assert f"{lacks} (arm=lacks, seed=1): failed: fit: " in said and str(tmp_path / "data") in said
    assert f"log {folder.log(lacks)}" in said
    assert folder.run(killed).last.exists() and not folder.run(lacks).last.exists()

    shutil.copytree(tiny_task, tmp_path / "data")
    monkeypatch.delenv("KILL_AT")
    main([*options, "--processes", "2"])
    said = capsys.readouterr().err
    assert "2 cells: 1 new, 1 begun" in said and "2 of 2 cells done" in said
    record = json.loads((folder.run(killed).path / "cell.json").read_text(encoding="utf8"))
    assert record["attempts"] == 2
    assert "Restoring states" in folder.log(killed).read_text(encoding="utf8")
    # The same training on the same data: the kill has changed nothing.
    first, second = (pd.read_parquet(folder.run(name).predictions) for name in (killed, lacks))
    pd.testing.assert_frame_equal(first, second)

    before = folder.run(killed).results.stat().st_mtime_ns
    main(options)  # starts nothing
    assert "2 cells: 2 done" in capsys.readouterr().err
    main([*options, "--dry-run", "--only", "arm=killed"])
    assert "0 of 1 cells are to be made" in capsys.readouterr().out
    assert folder.run(killed).results.stat().st_mtime_ns == before
    results = json.loads(folder.run(lacks).results.read_text(encoding="utf8"))
    folder.run(lacks).results.write_text(json.dumps(results | {"code": "0"}), encoding="utf8")
    with pytest.raises(UserError, match=f"cell {lacks} was made by other code: .*--accept-other-code"):
        main(options)
    main([*options, "--accept-other-code"])
