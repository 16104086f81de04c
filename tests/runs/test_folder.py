"""A run's folder: its own weights whatever it is called, and no other configuration's run in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from xltrobust.errors import UserError
from xltrobust.runs.folder import RunFolder

OPTIONS = {
    "data": {"class_path": "Task", "init_args": {"parallel": None, "batch_size": 16}},
    "adversarial": {"attacks": {"typo": {"budget": 9}}, "max_examples": None},
    "trainer": {"callbacks": None},
    "test_checkpoint": None,
}


def finished_run(path: Path, checkpoint: str | None, **options: object) -> RunFolder:
    """The files of a run; ``checkpoint`` is the path that it recorded."""
    folder = RunFolder(path)
    folder.checkpoints.mkdir(parents=True)
    folder.config.write_text(yaml.safe_dump(OPTIONS | options))
    results = {"schema": 1, "name": folder.path.name, "source": "en", "languages": ["en"], "figures": {}}
    folder.results.write_text(json.dumps(results | {"checkpoint": {"path": checkpoint or str(folder.best)}}))
    folder.best.write_bytes(path.name.encode())
    return folder


def test_a_renamed_run_has_its_own_weights_though_another_took_its_place(tmp_path: Path) -> None:
    finished_run(tmp_path / "a", None)
    (tmp_path / "a").rename(tmp_path / "b")
    finished_run(tmp_path / "a", None)
    moved = RunFolder(tmp_path / "b")
    assert moved.checkpoint == moved.best
    moved.best.unlink()
    with pytest.raises(UserError, match="b/checkpoints/best.ckpt: not found"):
        _ = moved.checkpoint


def test_a_run_that_tested_another_ones_checkpoint_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finished_run(tmp_path / "a", None)
    second = finished_run(tmp_path / "b", str(first.best), test_checkpoint="a/checkpoints/best.ckpt")
    assert second.checkpoint == first.best


@pytest.mark.parametrize("path", sorted(Path("docs/results").rglob("results.json"))[:3], ids=str)
def test_old_runs_are_read(path: Path) -> None:
    assert RunFolder(path.parent).finished["checkpoint"]["path"]
    RunFolder(path.parent).check_config(RunFolder(path.parent).config.read_text(encoding="utf8"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parallel": {"bitexts": [1]}}, r"data.init_args.parallel: None there, \{'bitexts': \[1\]\} here"),
        ({"parallel": {}}, r"data.init_args.parallel: None there, \{\} here"),
        ({"batch_size": 8}, "data.init_args.batch_size: 16 there, 8 here"),
    ],
)
def test_an_option_set_anew_is_another_configuration(tmp_path: Path, change: dict, words: str) -> None:
    folder = finished_run(tmp_path / "a", None)
    arguments = {"parallel": None, "batch_size": 16} | change
    config = yaml.safe_dump(OPTIONS | {"data": {"class_path": "Task", "init_args": arguments}})
    with pytest.raises(UserError, match=words):
        folder.check_config(config)
    # And the other way round.
    folder.config.write_text(config)
    with pytest.raises(UserError, match="holds another configuration's run"):
        RunFolder(folder.path).check_config(yaml.safe_dump(OPTIONS))


def test_one_more_attack_is_another_configuration_and_an_option_of_another_version_is_not(tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "a", None)
    attacks = {"typo": {"budget": 9}, "case": {"budget": 9}}
    with pytest.raises(UserError, match=r"adversarial.attacks: \['typo'\] there, \['case', 'typo'\] here"):
        folder.check_config(yaml.safe_dump(OPTIONS | {"adversarial": {"attacks": attacks, "max_examples": None}}))
    newer = {"data": {"class_path": "Task", "init_args": {"parallel": None, "batch_size": 16, "new": {"a": 1}}}}
    folder.check_config(yaml.safe_dump(OPTIONS | newer | {"another": 3}))


def test_languages_that_a_mapping_has_more_are_another_configuration(tmp_path: Path) -> None:
    def config(**languages: str) -> str:
        return yaml.safe_dump({"data": {"init_args": {"languages": languages, "validate_targets": 1}}})

    folder = RunFolder(tmp_path)
    folder.config.write_text(config(de="german"))
    folder.check_config(config(de="german").replace("validate_targets: 1", "validate_targets: 0"))
    with pytest.raises(UserError, match=r"data.init_args.languages: \['de'\] there, \['de', 'es'\] here"):
        folder.check_config(config(de="german", es="spanish"))
