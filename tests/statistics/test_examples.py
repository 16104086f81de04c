"""The table of a study's examples: read from runs, written, read and joined again, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_runs import rewrite, write_run

from xltrobust.errors import UserError
from xltrobust.statistics.examples import Cell, Examples, examples_of_runs, join_examples, open_examples


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    folder = tmp_path_factory.mktemp("study")
    found = []
    for name, shift in (("plain", 0), ("switched", 2)):
        runs = [write_run(folder / name / str(seed), seed=seed, shift=shift + seed) for seed in (0, 1)]
        found.append(Cell(name, {"mechanism": "none" if name == "plain" else "A", "task": "xnli"}, runs))
    return found


@pytest.fixture(scope="module")
def examples(cells: list[Cell]) -> Examples:
    return examples_of_runs(cells)


def test_a_run_has_one_row_an_example_and_condition(examples: Examples) -> None:
    assert examples.factors == ("mechanism", "task") and examples.source == "en"
    assert examples.cells["mechanism"].to_dict() == {"plain": "none", "switched": "A"}
    assert examples.conditions == ["clean", "typos", "words"] and examples.targets == ["de", "zh-CN"]
    assert len(examples.table) == 4 * (3 * 40 + 2 * 3 * 20)
    clean = examples.condition("clean")
    right = clean.groupby(["cell", "seed", "language"], observed=True)["correct"].sum()
    assert right["switched", 1, "de"] == 32 + 3 and right["plain", 0, "zh-CN"] == 28
    assert examples.table.loc[examples.table["condition"] == "typos", "queries"].eq(7).all()


def test_the_worst_of_all_attacks_is_a_condition(examples: Examples) -> None:
    typos, words, worst = (examples.condition(name) for name in ("typos", "words", "worst"))
    assert len(worst) == len(typos) == 4 * 2 * 20
    both = [frame.set_index(["cell", "seed", "language", "item"])["correct"].sort_index() for frame in (typos, words)]
    found = worst.set_index(["cell", "seed", "language", "item"])["correct"].sort_index()
    pd.testing.assert_series_equal(found, both[0].clip(upper=both[1]))
    assert 0 < found.sum() < both[1].sum()
    with pytest.raises(UserError, match="no condition 'case'"):
        examples.condition("case")


def test_a_file_gives_the_same_table(examples: Examples, cells: list[Cell], tmp_path: Path) -> None:
    examples.save(tmp_path / "all.parquet")
    again = open_examples(tmp_path / "all.parquet")
    pd.testing.assert_frame_equal(again.table, examples.table, check_categorical=False)
    assert (again.factors, again.source) == (examples.factors, examples.source)
    joined = join_examples([examples_of_runs([cell]) for cell in cells])
    pd.testing.assert_frame_equal(joined.table, examples.table, check_categorical=False)
    with pytest.raises(UserError, match="cell 'plain' with seed 0 is in two"):
        join_examples([again, examples])
    examples.table.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match=r"other\.parquet: no table of a study's examples"):
        open_examples(tmp_path / "other.parquet")


def test_what_is_wrong_is_told_in_one_line(cells: list[Cell], tmp_path: Path) -> None:
    twice = Cell("twice", cells[0].factors, [cells[0].runs[0], cells[1].runs[0]])
    with pytest.raises(UserError, match="seed 0 as .*plain/0 has; cell 'twice' needs one run a seed"):
        examples_of_runs([twice])
    with pytest.raises(UserError, match="cell 'switched': expected factors task"):
        examples_of_runs([Cell("plain", {"task": "xnli"}, cells[0].runs), cells[1]])
    other = write_run(tmp_path / "other", seed=5)
    rewrite(other, lambda rows: rows.assign(text=rows["text"].str.replace("light 3", "lamp 3")))
    with pytest.raises(UserError, match=r"other: (en|de)/3 has another text or label"):
        examples_of_runs([cells[0], Cell("other", cells[0].factors, [other])])
    with pytest.raises(UserError, match="no split 'dev'"):
        examples_of_runs(cells, "dev")
