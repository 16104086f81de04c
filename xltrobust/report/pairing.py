"""Which examples runs can be compared on: those that all of them have, texts and labels included."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import pandas as pd

from xltrobust.report.conditions import KEYS, Rows, places

Owner = TypeVar("Owner", bound=Hashable)


def with_content(rows: Rows) -> Rows:
    """Rows whose ids hold label and texts too: equal ids of other texts (another split seed, say) are no pairs."""
    return {condition: _with_content(frame) for condition, frame in rows.items()}


def _with_content(rows: pd.DataFrame) -> pd.DataFrame:
    texts = [rows[name].fillna("").astype(str) for name in ("text", "text_pair")]
    return rows.assign(id=rows["id"] + "\t" + rows["label"].astype(str) + "\t" + texts[0] + "\t" + texts[1])


def in_common(frames: Mapping[Owner, pd.DataFrame]) -> dict[Owner, pd.DataFrame]:
    """Rows of one condition, cut to the examples that all owners have.

    Args:
        frames: by owner, the rows with their content as ids; the first is what the others are compared with. One that
            has no example in common with it is left out, and so takes no example from the others.

    Returns:
        Rows by owner; of equal (language, id). Empty if there is no example that all have.
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
    """The rows of both, side by side: columns of the second end in ``_baseline``."""
    return ours.merge(theirs, on=KEYS, suffixes=("", "_baseline"))
