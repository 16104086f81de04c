"""The predictions of a run by condition: clean, each attack, and ``worst``, all attacks together."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from xltrobust.errors import UserError
from xltrobust.metrics.coverage import WORST, covered_by_all, equally_covered
from xltrobust.runs.finished import Run

CLEAN = "clean"
KEYS = ["language", "id"]

Rows = dict[str, pd.DataFrame]


def condition_rows(run: Run, split: str) -> Rows:
    """The rows of each condition: clean, each attack in order of appearance, and ``worst`` of two attacks or more.

    In the worst case an example is right if it is right under every attack. Only examples that all attacks were tried
    on are counted (:mod:`xltrobust.metrics.coverage`).

    Raises:
        UserError: if the run has no predictions of the split.
    """
    rows = run.predictions[run.predictions["split"] == split]
    if rows.empty:
        known = ", ".join(dict.fromkeys(run.predictions["split"]))
        raise UserError(f"{run.path / 'predictions.parquet'}: no split {split!r}; there is {known}.")
    clean, attacked = rows[rows["attack"].isna()], rows[rows["attack"].notna()]
    found = {CLEAN: clean} if len(clean) else {}
    by_attack = {name: attacked[attacked["attack"] == name] for name in dict.fromkeys(attacked["attack"])}
    found |= by_attack
    if len(by_attack) > 1:
        common = covered_by_all({name: places(frame) for name, frame in by_attack.items()})
        tried = attacked[[place in common for place in places(attacked)]]
        same = {name: (name, "first") for name in ("group", "label", "text", "text_pair")}
        worst = tried.groupby(KEYS, sort=False).agg(**same, correct=("correct", "all")).reset_index()
        if len(worst):
            found[WORST] = worst
    return found


def attacks_of(rows: Rows) -> Rows:
    """The rows of each attack, without the clean ones and ``worst``."""
    return {name: frame for name, frame in rows.items() if name not in (CLEAN, WORST)}


def places(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """(language, id) of each row."""
    return list(zip(rows["language"], rows["id"], strict=True))


def averaged(rows: Rows, condition: str) -> bool:
    """Whether a condition may be averaged over languages; ``worst`` may not if its attacks cover different ones."""
    if condition != WORST:
        return True
    return equally_covered(set(frame["language"]) for frame in [rows[WORST], *attacks_of(rows).values()])


def clean_of(clean: pd.DataFrame | None, attacked: pd.DataFrame) -> pd.DataFrame:
    """The clean rows of the attacked examples, for languages that have them all; empty if no language does."""
    if clean is None:
        return attacked.head(0)
    found = clean.merge(attacked[KEYS], on=KEYS)
    there, wanted = (Counter(frame["language"]) for frame in (found, attacked))
    whole = [name for name, count in there.items() if count == wanted[name]]
    return found[found["language"].isin(whole)]
