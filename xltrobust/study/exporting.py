"""``xltrobust study export DIR``: all examples of all finished cells in one Parquet file, for statistics."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from xltrobust.errors import OneLineParser, UserError
from xltrobust.files import atomic_write, check_folder
from xltrobust.reading import read_parquet
from xltrobust.runs.folder import RunFolder
from xltrobust.statistics.examples import CLEAN, SCHEMA
from xltrobust.study.folder import StudyFolder
from xltrobust.study.states import State, check_code, made

FACTOR = "factor."  # how the columns of factors begin
_READ = ("id", "group", "split", "language", "label", "prediction", "attack", "queries")


def main(arguments: Sequence[str]) -> None:
    """Writes the examples of a study's finished cells to one file.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: if there is no finished cell, other code has made one of them, or a file is damaged.
    """
    parser = OneLineParser(
        prog="xltrobust study export",
        description="Write every example of every finished cell to one Parquet file: a row an example and condition.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the study's folder")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the file (default: DIR/examples.parquet)")
    parser.add_argument("--split", default="test", help="test split (default: %(default)s)")
    parser.add_argument("--stage", action="append", default=[], metavar="NAME", help="cells of this stage only")
    parser.add_argument(
        "--accept-other-code", action="store_true", help="export cells that different code has made beside each other"
    )
    given = parser.parse_args(list(arguments))
    output = given.output or given.folder / "examples.parquet"
    rows, done, cells = export(
        StudyFolder(given.folder), output, given.split, given.stage, accept_other_code=given.accept_other_code
    )
    print(f"{output}: {rows:,} rows of {done} cells")
    if done < cells:
        print(f"{given.folder}: {cells - done} of {cells} cells are not finished, and left out", file=sys.stderr)


def export(
    folder: StudyFolder,
    output: Path,
    split: str = "test",
    stages: Sequence[str] = (),
    *,
    accept_other_code: bool = False,
) -> tuple[int, int, int]:
    """Writes the examples of finished cells, a row group a cell, so that only one cell is in memory.

    Columns: ``cell`` (the combination of levels); one of each factor, such as ``factor.arm``; ``seed``, ``language``,
    ``item``, ``group``, ``condition`` (``clean``, or the attack's name), ``correct``, ``queries`` (empty for clean
    texts), and ``run`` (the folder's name). The order of the rows is that of the study's cells and of each one's
    ``predictions.parquet``. :func:`~xltrobust.statistics.examples.open_examples` reads the file.

    Args:
        folder: of the study.
        output: the file, which is written whole or not at all.
        split: the test split.
        stages: cells of these only; none takes all.
        accept_other_code: whether cells may have been made by different code.

    Returns:
        The number of rows, of cells exported, and of cells there are.

    Raises:
        UserError: see :func:`main`.
    """
    cells = {name: cell for name, cell in folder.read().items() if not stages or set(stages) & set(cell["stages"])}
    runs = {name: made(folder.run(name)) for name in cells}
    done = [name for name, run in runs.items() if run.state is State.DONE]
    if not done:
        raise UserError(f"{folder.path}: no cell has finished: run the study first.")
    if not accept_other_code:
        check_code([(name, runs[name]) for name in done])
    check_folder(output.parent, "--output")
    factors = list(cells[done[0]]["levels"])
    made_by = {name: {"processor": runs[name].processor, **runs[name].code} for name in done}
    sources = {name: folder.run(name).recorded("source") for name in done}
    for name, source in sources.items():
        if source != sources[done[0]]:
            raise UserError(
                f"cell {name} was trained on {source!r}, but {done[0]} on {sources[done[0]]!r}: export each alone "
                "(--stage)."
            )
    about = {
        "schema": SCHEMA, "factors": [FACTOR + factor for factor in factors], "source": sources[done[0]],
        "study": folder.path.name, "split": split, "runs": made_by,
    }  # fmt: skip
    target = schema(factors).with_metadata({"xltrobust": json.dumps(about)})
    number = 0
    with atomic_write(output) as temporary, parquet.ParquetWriter(temporary, target, compression="zstd") as writer:
        for name in done:
            table = _table(folder.run(name), name, cells[name], split)
            writer.write_table(table.cast(target), row_group_size=len(table))
            number += len(table)
    return number, len(done), len(cells)


def schema(factors: Sequence[str]) -> pa.Schema:
    """The columns of an export."""
    text = pa.string()
    return pa.schema(
        [("cell", text), *((FACTOR + factor, text) for factor in factors), ("seed", pa.int64())]
        + [(name, text) for name in ("language", "item", "group", "condition")]
        + [("correct", pa.bool_()), ("queries", pa.int64()), ("run", text)]
    )


def _table(run: RunFolder, name: str, cell: dict[str, Any], split: str) -> pa.Table:
    table = read_parquet(run.predictions, _READ)
    if pa.types.is_list(table["label"].type):
        raise UserError(f"{run.predictions}: labels of tokens cannot be exported.")
    table = table.filter(pc.equal(table["split"], split))
    if not len(table):
        raise UserError(f"{run.predictions}: no example of the split {split!r}.")
    same = {FACTOR + factor: level for factor, level in cell["levels"].items()}
    combination = ", ".join(f"{factor}={level}" for factor, level in cell["levels"].items())
    columns = {"cell": combination, **same, "seed": cell["seed"], "run": name}
    repeated = {key: pa.repeat(pa.scalar(value), len(table)) for key, value in columns.items()}
    run_column = repeated.pop("run")
    return pa.table(
        repeated
        | {
            "language": table["language"],
            "item": table["id"],
            "group": table["group"],
            "condition": pc.fill_null(table["attack"].cast(pa.string()), CLEAN),
            "correct": pc.equal(table["label"], table["prediction"]),
            "queries": table["queries"].cast(pa.int64()),
            "run": run_column,
        }
    )
