"""All examples of all finished cells stand in one file, in the study's order."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet
from study.studies import finished_study

from xltrobust.errors import UserError
from xltrobust.statistics.examples import open_examples
from xltrobust.study.exporting import main

COLUMNS = [
    "cell", "factor.arm", "factor.rate", "seed", "language", "item", "group", "condition", "correct", "queries",
    "run",
]  # fmt: skip
A, B = {"arm": "plain", "rate": "low"}, {"arm": "words", "rate": "low"}


def test_a_row_an_example_and_condition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = finished_study(
        tmp_path / "study", b={"levels": B, "run": {}}, a={"levels": A, "run": {"shift": 2}}, c={"levels": A}
    )
    main([str(study.path)])
    printed = capsys.readouterr()
    assert printed.out == f"{study.path / 'examples.parquet'}: 360 rows of 2 cells\n"
    assert "1 of 3 cells are not finished, and left out" in printed.err
    table = pd.read_parquet(study.path / "examples.parquet")
    assert list(table) == COLUMNS
    assert list(dict.fromkeys(table["run"])) == ["b", "a"]
    assert list(dict.fromkeys(table["cell"])) == ["arm=words, rate=low", "arm=plain, rate=low"]
    for name, seed, levels in (("b", 0, B), ("a", 1, A)):
        rows = table[table["run"] == name]
        source = pd.read_parquet(study.run(name).predictions)
        source = source[source["split"] == "test"]
        assert rows["correct"].tolist() == (source["label"] == source["prediction"]).tolist()
        assert rows["condition"].tolist() == source["attack"].fillna("clean").tolist()
        assert rows["queries"].fillna(-1).tolist() == source["queries"].fillna(-1).tolist()
        assert rows["item"].tolist() == source["id"].tolist() and rows["group"].tolist() == source["group"].tolist()
        assert set(rows["seed"]) == {seed} and set(rows["factor.arm"]) == {levels["arm"]}
    assert parquet.ParquetFile(study.path / "examples.parquet").num_row_groups == 2
    read = open_examples(study.path / "examples.parquet")
    assert (read.source, read.factors, len(read.table)) == ("en", ("factor.arm", "factor.rate"), 360)
    first = (study.path / "examples.parquet").read_bytes()
    main([str(study.path)])
    assert (study.path / "examples.parquet").read_bytes() == first
    main([str(study.path), "--split", "test_seen", "--output", str(tmp_path / "seen.parquet")])
    assert len(pd.read_parquet(tmp_path / "seen.parquet")) == 20


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    study = finished_study(tmp_path / "a", a={"levels": A})
    with pytest.raises(UserError, match="no cell has finished"):
        main([str(study.path)])
    with pytest.raises(UserError, match=r"nowhere/cells.json: not found; is .*nowhere the folder of a study\?"):
        main([str(tmp_path / "nowhere")])
    mixed = finished_study(tmp_path / "b", a={"levels": A, "run": {}}, b={"levels": B, "run": {"code": "0"}})
    with pytest.raises(UserError, match="cell b was made by other code"):
        main([str(mixed.path)])
    assert not (mixed.path / "examples.parquet").exists()
    main([str(mixed.path), "--accept-other-code"])
    assert len(pd.read_parquet(mixed.path / "examples.parquet")) == 360
