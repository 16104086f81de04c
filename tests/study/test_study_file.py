"""A study's file is read, and what is wrong in it is named in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from xltrobust.errors import UserError
from xltrobust.study.study_file import read_study

GOOD = {
    "base": {"seed_everything": 3},
    "factors": {"arm": {"plain": None, "W-A": "word.yaml"}, "share": {"low": {}, 0.5: {"model": {"dropout": 0.5}}}},
    "exclude": [{"arm": "plain", "share": ["0.5"], "except": {"seed": 1}}],
    "seeds": {"first": 4, "number": 2},
    "stages": {"first": {"factors": {"share": "low"}, "seeds": [1]}, 2: None},
}


def written(folder: Path, **parts: object) -> Path:
    (folder / "word.yaml").write_text("trainer: {max_epochs: 1}\n", encoding="utf8")
    path = folder / "words.yaml"
    path.write_text(yaml.safe_dump(GOOD | parts, sort_keys=False), encoding="utf8")
    return path


def test_files_stand_for_their_content_and_stages_for_what_they_leave_out(tmp_path: Path) -> None:
    study = read_study(written(tmp_path))
    assert study.name == "words" and study.base == ({"seed_everything": 3},)
    assert study.factors["arm"] == {"plain": (), "W-A": ({"trainer": {"max_epochs": 1}},)}
    first, second = study.stages
    assert (first.name, first.seeds, first.levels["share"]) == ("first", (1,), ("low",))
    assert (second.name, second.seeds, second.levels["share"]) == ("2", (4, 5), ("low", "0.5"))
    left_out = second.exclude[0]
    assert left_out.holds({"arm": "plain", "share": "0.5", "seed": "4"})
    assert not left_out.holds({"arm": "plain", "share": "0.5", "seed": "1"})


def test_the_resolved_study_is_the_same_study_without_other_files(tmp_path: Path) -> None:
    study = read_study(written(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "study.yaml"
    copy.write_text(yaml.safe_dump(study.resolved, sort_keys=False), encoding="utf8")
    assert read_study(copy) == study


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"base": "nowhere.yaml"}, "words.yaml: base: .*nowhere.yaml: no such file"),
        ({"factors": {"arm": {"plain": "none.yaml"}}}, "factors.arm.plain: .*none.yaml: no such file"),
        ({"factors": {"arm": {"plain": 3}}}, "factors.arm.plain: expected a configuration file or options, but got 3"),
        ({"factors": {"arm": {False: None}}}, "factors.arm: expected a name, but got False; put it in quotes"),
        ({"factors": {"arm": {"a=b": None}}}, "factors.arm: 'a=b': names have no comma"),
        ({"factors": {"seed": {"a": None}}}, "a factor cannot be called 'seed'"),
        ({"factors": {"arm": ["plain"]}}, "factors.arm: expected levels by name"),
        ({"factors": None}, "factors: expected factors by name"),
        ({"exclude": {"arms": "plain"}}, r"exclude: there is no factor 'arms' \(there is arm, share\)"),
        ({"exclude": [{"arm": "words"}]}, r"exclude: factor arm has no level 'words' \(plain, W-A\)"),
        ({"exclude": [{"arm": "W-A", "except": {"share": "x"}}]}, "exclude.except: factor share has no level 'x'"),
        ({"exclude": ["plain"]}, "exclude: expected levels by factor, but got 'plain'"),
        ({"seeds": [1, 1]}, "seeds: expected different whole numbers"),
        ({"seeds": 12}, "seeds: expected different whole numbers"),
        ({"stages": {"a": {"seed": [1]}}}, "stages.a: no part is called 'seed'"),
        ({"stages": {"a": {"factors": {"arm": "x"}}}}, "stages.a.factors: factor arm has no level 'x'"),
        ({"stages": [1]}, "stages: expected stages by name"),
        ({"arms": {}}, "no part is called 'arms'"),
        ({"name": "a/b"}, "name: expected a name that a folder can have"),
        ({"keep_checkpoints": "no"}, "keep_checkpoints: expected true or false"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, parts: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_study(written(tmp_path, **parts))


def test_a_study_without_a_base_or_seeds(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("factors: {a: {b: null}}\n", encoding="utf8")
    with pytest.raises(UserError, match="base: name the configuration"):
        read_study(path)
    path.write_text("base: {}\nfactors: {a: {b: null}}\n", encoding="utf8")
    with pytest.raises(UserError, match="seeds: say which"):
        read_study(path)
