"""``xltrobust study import DIR OTHER …``: takes over finished cells that other machines have made."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from xltrobust.errors import OneLineParser, UserError
from xltrobust.evaluation.session import read_rows
from xltrobust.files import atomic_directory, held_alone, set_aside
from xltrobust.runs.folder import RunFolder
from xltrobust.study.folder import StudyFolder
from xltrobust.study.resolving import difference
from xltrobust.study.states import State, check_code, made, processors


def main(arguments: Sequence[str]) -> None:
    """Takes over finished cells of other folders of the same study.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: if a cell is here with different contents, or other code has made one; then nothing is taken over.
    """
    parser = OneLineParser(
        prog="xltrobust study import", description="Take over finished cells that other machines have made."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the study's folder")
    parser.add_argument("others", type=Path, nargs="+", metavar="OTHER", help="folders of the same study")
    parser.add_argument("--checkpoints", action="store_true", help="copy the weights, too")
    parser.add_argument("--accept-other-code", action="store_true", help="take over cells that other code has made")
    given = parser.parse_args(list(arguments))
    folder = StudyFolder(given.folder)
    try:
        with held_alone(folder.path, "study", patience=0):
            for other in given.others:
                taken, same = join(
                    folder,
                    StudyFolder(other),
                    checkpoints=given.checkpoints,
                    accept_other_code=given.accept_other_code,
                )
                print(f"{other}: {taken} cells taken over" + (f", {same} were here already" if same else ""))
    except BlockingIOError:
        raise UserError(f"{folder.path}: another process makes this study; wait for it, or end it.") from None
    runs = [made(folder.run(name)) for name in folder.read()]
    print(f"{folder.path}: {sum(run.state is State.DONE for run in runs)} of {len(runs)} cells done")
    if len(kinds := processors(runs)) > 1:
        print(f"made on {len(kinds)} kinds of processor, which may give other figures: {'; '.join(kinds)}")


def join(
    folder: StudyFolder, other: StudyFolder, *, checkpoints: bool = False, accept_other_code: bool = False
) -> tuple[int, int]:
    """Copies the finished cells of another folder that are not finished here; all of them or, on an error, none.

    Args:
        folder: of the study.
        other: of the same study, made elsewhere.
        checkpoints: whether to copy weights.
        accept_other_code: whether cells may have been made by different code.

    Returns:
        How many were copied, and how many were here.

    Raises:
        UserError: see :func:`main`.
    """
    theirs = other.read()
    cells = folder.read() if folder.cells.exists() else theirs
    found = {name: made(other.run(name)) for name in theirs}
    done = [name for name, run in found.items() if run.state is State.DONE]
    if strangers := [name for name in done if name not in cells]:
        raise UserError(
            f"{other.path}: {len(strangers)} finished cells are no cells of {folder.path} (such as {strangers[0]}): "
            "not the same study, or a file of it was changed."
        )
    here = {name: made(folder.run(name)) for name in cells}
    ours = {name for name, run in here.items() if run.state is State.DONE}
    if not accept_other_code:
        check_code([*((name, here[name]) for name in cells if name in ours), *((name, found[name]) for name in done)])
    for name in done:
        if theirs[name]["levels"] != cells[name]["levels"] or theirs[name]["seed"] != cells[name]["seed"]:
            raise UserError(f"{other.cells}: {name} has other levels than in {folder.cells}: not the same study.")
        if name in ours and (problem := difference(folder.run(name).options, other.run(name).options)):
            raise UserError(f"{folder.run(name).path}: not the same run as {other.run(name).path} ({problem}).")
        if name in ours and (problem := _conflict(folder.run(name), other.run(name))):
            levels = ", ".join(f"{factor}={level}" for factor, level in cells[name]["levels"].items())
            raise UserError(
                f"cell {name} ({levels}, seed={cells[name]['seed']}) is in {folder.path} and in {other.path} with "
                f"different contents ({problem}): delete the folder of one of them."
            )
    if not folder.cells.exists():
        for path in (other.study, other.cells):
            shutil.copyfile(path, folder.path / path.name)
    for name in done:
        if name not in ours:
            _copy(other.run(name), folder.run(name), checkpoints)
    return len(set(done) - ours), len(ours & set(done))


def _conflict(here: RunFolder, there: RunFolder) -> str | None:
    """In what two finished runs differ: their rows; None if in nothing."""
    ours, theirs = read_rows(here), read_rows(there)
    if ours == theirs:
        return None
    if len(ours) != len(theirs):
        return f"{len(ours)} rows here, {len(theirs)} there"
    return f"{sum(mine != other for mine, other in zip(ours, theirs, strict=True))} of {len(ours)} rows"


def _copy(source: RunFolder, target: RunFolder, checkpoints: bool) -> None:
    """Copies a run, in place of what an unfinished one has left."""
    unwanted = () if checkpoints else ("checkpoints",)
    with atomic_directory(target.path) as temporary:
        shutil.copytree(
            source.path, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*unwanted, "answers", ".*.lock")
        )
        if target.path.exists():
            set_aside(target.path)
