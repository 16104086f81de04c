"""Cells are the combinations that are left, each named by what may change its results."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from study.studies import write_study

from xltrobust.errors import UserError
from xltrobust.study.expansion import Cell, cells_of, chosen
from xltrobust.study.resolving import config_hash, difference
from xltrobust.study.study_file import read_study

PASSES = {"model": {"max_passes": 1}, "trainer": {"max_epochs": None}}
EPOCHS = {"trainer": {"max_epochs": 2}}


def cells(path: Path) -> list[Cell]:
    return cells_of(read_study(path), path.parent / "out")


def test_every_combination_once_a_seed_but_those_excluded(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    path = write_study(
        tmp_path, tiny_encoder, tiny_task,
        factors={"arm": {"plain": None, "r3f": "r3f.yaml"}, "rate": {"low": None, "high": {"model": {"dropout": 0.3}}}},
        exclude=[{"arm": "r3f", "rate": "high", "except": {"seed": 2}}],
        stages={"one": {"factors": {"rate": "low"}}, "two": {"base": {"wandb": {"project": "mine"}}}},
    )  # fmt: skip
    found = cells(path)
    assert [(*cell.levels.values(), cell.seed, cell.stages) for cell in found] == [
        ("plain", "low", 1, ("one", "two")), ("r3f", "low", 1, ("one", "two")),
        ("plain", "low", 2, ("one", "two")), ("r3f", "low", 2, ("one", "two")),
        ("plain", "high", 1, ("two",)), ("plain", "high", 2, ("two",)), ("r3f", "high", 2, ("two",)),
    ]  # fmt: skip
    assert len({cell.name for cell in found}) == 7
    cell = found[-1]
    callbacks = [callback["class_path"] for callback in cell.config["trainer"]["callbacks"]]
    assert callbacks == ["xltrobust.regularizers.R3F"] and cell.config["model"]["dropout"] == 0.3
    assert cell.config["run_dir"] == str(tmp_path / "out" / "runs" / cell.name)
    assert cell.config["seed_everything"] == 2
    assert cell.config["wandb"]["group"] == "tiny/arm=r3f, rate=high" and "seed=2" in cell.config["wandb"]["tags"]

    assert [cell.seed for cell in chosen(found, ["arm=plain", "rate=high"], [])] == [1, 2]
    assert len(chosen(found, ["arm=plain,r3f", "seed=1"], ["one"])) == 2
    with pytest.raises(UserError, match="--only arm=word: no cell has it; there is plain, r3f"):
        chosen(found, ["arm=word"], [])
    with pytest.raises(UserError, match="--only arm: expected FACTOR=LEVEL"):
        chosen(found, ["arm"], [])
    with pytest.raises(UserError, match="--stage three: no cell has it; there is one, two"):
        chosen(found, [], ["three"])


def test_where_a_run_is_made_does_not_change_its_name(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    plain = cells(write_study(tmp_path / "a", tiny_encoder, tiny_task))
    elsewhere = {"wandb": {"project": "mine"}, "trainer": {"devices": 1, "enable_progress_bar": True}}
    moved = cells(write_study(tmp_path / "b", tiny_encoder, tiny_task, base=["base.yaml", elsewhere]))
    assert [cell.name for cell in plain] == [cell.name for cell in moved]
    assert difference(plain[0].config, moved[0].config) is None
    several = plain[0].config | {"trainer": plain[0].config["trainer"] | {"devices": 2}}  # trains on larger batches
    assert config_hash(several) != plain[0].name
    assert difference(plain[0].config, several) == "trainer.devices: auto there, 2 here"
    other = cells(write_study(tmp_path / "c", tiny_encoder, tiny_task, base=["base.yaml", {"model": {"warmup": 0}}]))
    assert not {cell.name for cell in plain} & {cell.name for cell in other}
    assert difference(plain[0].config, other[0].config) == "model.warmup: 0.1 there, 0.0 here"


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ({"arm": {"plain": None, "a": {"model": {"warm": 1}}}}, "tiny, arm=a: .*'warm'"),
        ({"arm": {"plain": None, "none": {}}}, "arm=plain and arm=none are the same runs"),
        ({"arm": {"a": PASSES}, "b": {"c": EPOCHS}}, "tiny, arm=a, b=c: model.max_passes and trainer.max_epochs both"),
    ],
)  # fmt: skip
def test_levels_that_fit_refuses(tmp_path: Path, tiny_encoder: Path, tiny_task: Path, factors: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        cells(write_study(tmp_path, tiny_encoder, tiny_task, factors=factors))


def test_a_base_that_fit_refuses_and_a_study_without_cells(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    with pytest.raises(UserError, match="tiny, base: .*'max_epoch'"):
        cells(write_study(tmp_path, tiny_encoder, tiny_task, base=["base.yaml", {"trainer": {"max_epoch": 2}}]))
    with pytest.raises(UserError, match="no cell is left"):
        cells(write_study(tmp_path, tiny_encoder, tiny_task, exclude=[{"arm": ["plain", "r3f"]}]))


def test_a_resolved_configuration_is_one_of_fit(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    cell = cells(write_study(tmp_path, tiny_encoder, tiny_task))[1]
    (tmp_path / "resolved.yaml").write_text(yaml.safe_dump(cell.config), encoding="utf8")
    again = write_study(
        tmp_path, tiny_encoder, tiny_task, base="resolved.yaml", factors={"arm": {"r3f": None}}, seeds=[cell.seed]
    )
    assert [own.name for own in cells(again)] == [cell.name]
