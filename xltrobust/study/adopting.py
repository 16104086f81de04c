"""Finds the runs of cells whose hash has changed because the package has options that it did not have before."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from xltrobust.errors import UserError
from xltrobust.files import atomic_write
from xltrobust.study.expansion import Cell
from xltrobust.study.folder import StudyFolder
from xltrobust.study.resolving import difference


def strangers(folder: StudyFolder, cells: Sequence[Cell]) -> list[str]:
    """The names of the runs in a study's folder that are none of its cells'."""
    names = {cell.name for cell in cells}
    return sorted(
        path.name
        for path in folder.runs.glob("[!.]*")
        if path.name not in names and folder.run(path.name).config.exists()
    )


def adopt(folder: StudyFolder, cells: Sequence[Cell]) -> int:
    """Renames the runs of older versions that agree with a cell in all options that both versions have.

    Returns:
        How many were renamed.
    """
    options = {}
    for name in strangers(folder, cells):
        try:
            options[name] = folder.run(name).options
        except UserError:
            continue  # a damaged file belongs to no cell
    adopted = 0
    for cell in cells:
        run = folder.run(cell.name)
        if run.config.exists() or run.results.exists():
            continue
        seeded = (name for name in options if options[name].get("seed_everything") == cell.seed)
        if (found := next((name for name in seeded if difference(options[name], cell.config) is None), None)) is None:
            continue
        del options[found]
        folder.run(found).path.rename(run.path)
        if folder.log(found).exists():
            folder.log(found).rename(folder.log(cell.name))
        with atomic_write(run.config) as temporary:  # it names the folder
            temporary.write_text(yaml.safe_dump(cell.config, sort_keys=False, allow_unicode=True), encoding="utf8")
        adopted += 1
    return adopted
