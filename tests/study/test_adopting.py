"""Runs of a version with fewer options are found again, if they are to be."""

from __future__ import annotations

from pathlib import Path

import yaml
from study.studies import finished_run

from xltrobust.study.adopting import adopt, strangers
from xltrobust.study.expansion import Cell
from xltrobust.study.folder import StudyFolder


def test_a_run_that_agrees_in_what_both_versions_have(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    older = {"seed_everything": 1, "model": {"encoder": "e", "warmup": 0.1}, "run_dir": "elsewhere"}
    kept = {
        "same": older,
        "other": older | {"model": {"encoder": "e", "warmup": 0.2}},
        "seed": older | {"seed_everything": 2},
    }
    for name, config in kept.items():
        finished_run(folder.runs / name).config.write_text(yaml.safe_dump(config), encoding="utf8")
    folder.logs.mkdir()
    folder.log("same").write_text("said", encoding="utf8")
    config = older | {"model": older["model"] | {"new": True}, "run_dir": str(folder.runs / "cell")}  # type: ignore[operator]
    cells = [Cell("cell", {"arm": "a"}, 1, ("all",), config)]
    assert strangers(folder, cells) == ["other", "same", "seed"]
    assert adopt(folder, cells) == 1
    assert strangers(folder, cells) == ["other", "seed"]
    assert folder.run("cell").options == config and folder.run("cell").results.exists()
    assert folder.log("cell").read_text(encoding="utf8") == "said"
    assert adopt(folder, cells) == 0
