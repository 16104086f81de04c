"""Studies of the tiny task, and run folders as a finished cell leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from report_runs import write_run

from conftest import write_tiny_config
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import code_hash, package_versions
from xltrobust.study.folder import StudyFolder


def write_study(folder: Path, encoder: Path, data: Path, **parts: Any) -> Path:
    """A study of two arms and two seeds on the tiny task; ``parts`` replace or add to those of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tiny_config(folder / "base.yaml", encoder, data, max_epochs=1)
    (folder / "r3f.yaml").write_text("trainer: {callbacks+: [{class_path: R3F}]}\n", encoding="utf8")
    study = {
        "base": ["base.yaml", {"trainer": {"logger": False}}],
        "factors": {"arm": {"plain": None, "r3f": "r3f.yaml"}},
        "seeds": [1, 2],
    }  # fmt: skip
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(study | parts, sort_keys=False), encoding="utf8")
    return path


def finished_run(folder: Path, draws: int = 3, shift: int = 0, **results: Any) -> RunFolder:
    """The files of a finished run of this code, with an attack ``typos`` of so many draws."""
    search = {"class": "RandomSearch", "draws": draws, "rate": 0.15}
    own: dict[str, Any] = {"code": code_hash(), "versions": package_versions(), "dirty": False}
    own |= {"machine": {"processor": "one kind"}, "attacks": {"typos": {"recipe": {"search": search}}}} | results
    write_run(folder, shift=shift, attacks=("typos",))
    written = json.loads((folder / "results.json").read_text(encoding="utf8"))
    (folder / "results.json").write_text(json.dumps(written | own), encoding="utf8")
    config = {"seed_everything": 1, "adversarial": {"attacks": {"typos": {"search": {"draws": draws}}}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf8")
    return RunFolder(folder)


def finished_study(folder: Path, **cells: dict[str, Any]) -> StudyFolder:
    """A study's folder with finished runs; ``cells`` gives each one's ``levels`` and arguments of its run, or None."""
    study, listed = StudyFolder(folder), {}
    study.runs.mkdir(parents=True)
    study.study.write_text("name: by-hand\n", encoding="utf8")
    for seed, (name, options) in enumerate(cells.items()):
        listed[name] = {"levels": options["levels"], "seed": seed, "stages": ["all"]}
        if options.get("run") is not None:
            finished_run(study.runs / name, **options["run"])
    study.cells.write_text(json.dumps({"schema": 1, "study": "by-hand", "cells": listed}), encoding="utf8")
    return study
