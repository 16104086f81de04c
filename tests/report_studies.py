"""Folders of finished studies, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from report_runs import rewrite, write_run

EVIL_NAME = "<script>document.title='broken in'</script> & \"quoted\" \u202e"
ARMS = ("plain", "W-A", "S-A", "W-R", EVIL_NAME)
PLAN = {
    "question": f"Words or sentences? {EVIL_NAME}",
    "baseline": "plain",
    "best": "W-A",
    "mechanism": {"augmentation": ["W-A", "S-A"], "representation": ["W-R", EVIL_NAME]},
    "granularity": {"word": ["W-A", "W-R"], "sentence": ["S-A", EVIL_NAME]},
}


def write_study_of_arms(
    folder: Path, arms: tuple[str, ...] = ARMS, seeds: int = 2, plan: Any = PLAN, **results: Any
) -> Path:
    """Five arms and two seeds. Of 20 items, an arm and seed later in the list has more wrong answers."""
    cells = {}
    for at, arm in enumerate(arms):
        for seed in range(seeds):
            name = f"{at}{seed}"
            cells[name] = {"levels": {"arm": arm}, "seed": seed, "stages": ["all"]}
            run = write_run(folder / "runs" / name, shift=-3 * at - seed, attacks=("typos",), seed=seed, **results)
            rewrite(run, lambda rows, at=at, seed=seed: _answers(rows, at + seed))  # type: ignore[misc]
    (folder / "cells.json").write_text(json.dumps({"schema": 1, "study": "by-hand", "cells": cells}), encoding="utf8")
    (folder / "study.yaml").write_text(yaml.safe_dump({"report": plan}), encoding="utf8")
    return folder


def _answers(rows: pd.DataFrame, wrong: int) -> pd.DataFrame:
    """Attacked answers that differ from run to run, and texts right to left in one language."""
    attacked = rows["attack"].notna() & (rows["id"].astype(int) % 20 < wrong)
    rows = rows.assign(prediction=rows["prediction"].where(~attacked, 1 - rows["label"]))
    return rows.assign(language=rows["language"].replace("zh-CN", "ar"))
