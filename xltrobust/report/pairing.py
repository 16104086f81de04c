"""The examples on which runs can be compared: those that all runs have, with the same texts and labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import pandas as pd

from xltrobust.report.conditions import KEYS, Rows, places

Owner = TypeVar("Owner", bound=Hashable)


def with_content(rows: Rows) -> Rows:
    """Adds label and texts to the ids, so that equal ids with other texts (of another split seed) are not paired."""
    return {condition: _with_content(frame) for condition, frame in rows.items()}


def _with_content(rows: pd.DataFrame) -> pd.DataFrame:
    texts = [rows[name].fillna("").astype(str) for name in ("text", "text_pair")]
    return rows.assign(id=rows["id"] + "\t" + rows["label"].astype(str) + "\t" + texts[0] + "\t" + texts[1])


def in_common(frames: Mapping[Owner, pd.DataFrame]) -> dict[Owner, pd.DataFrame]:
    """Cuts the rows of one condition to the examples that all owners (runs or methods) have.

    Args:
        frames: rows with their content in their ids (:func:`with_content`), by owner; the first is the baseline. Owners
            that share no example with the baseline are left out, so that they do not shrink the set for the others.

    Returns:
        Rows by owner, with the same (language, id) for all of them; empty if there is no example that all have.
    """
    if not frames:
        return {}
    found = {owner: set(places(frame)) for owner, frame in frames.items()}
    first = next(iter(found.values()))
    kept = {owner: there for owner, there in found.items() if there & first}
    common = set.intersection(*kept.values()) if kept else set()
    if not common:
        return {}
    return {owner: _cut(frames[owner], common, len(there)) for owner, there in kept.items()}


def _cut(rows: pd.DataFrame, common: set[tuple[str, str]], examples: int) -> pd.DataFrame:
    return rows if examples == len(common) else rows[[place in common for place in places(rows)]]


def paired(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Joins the rows of two owners by language and id; the columns of the second end in ``_baseline``."""
    return ours.merge(theirs, on=KEYS, suffixes=("", "_baseline"))
