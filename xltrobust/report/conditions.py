"""The predictions of a run by condition: clean, each attack, ``robust``, the attacks of a suite together, and
``worst``, all attacks together.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from xltrobust.errors import UserError
from xltrobust.metrics.coverage import WORST, attacks_on, covered_by_all, equally_covered, is_attack, robust_name
from xltrobust.runs.finished import Run

CLEAN = "clean"
KEYS = ["language", "id"]

Rows = dict[str, pd.DataFrame]


def condition_rows(run: Run, split: str) -> Rows:
    """The rows of each condition: clean, each attack in order of appearance, ``robust`` of each suite, and ``worst`` of
    two attacks or more.

    In the worst case an example is right if it is right under every attack. Only examples that all attacks were tried
    on are counted, for ``robust`` all that apply to the language (:mod:`xltrobust.metrics.coverage`).

    Raises:
        UserError: if the run has no predictions of the split.
    """
    rows = run.predictions[run.predictions["split"] == split]
    if rows.empty:
        known = ", ".join(dict.fromkeys(run.predictions["split"]))
        raise UserError(f"{run.path / 'predictions.parquet'}: no split {split!r}; there is {known}.")
    clean, attacked = rows[rows["attack"].isna()], rows[rows["attack"].notna()]
    found = {CLEAN: clean} if len(clean) else {}
    together: Rows = {}
    by_attack = {name: attacked[attacked["attack"] == name] for name in dict.fromkeys(attacked["attack"])}
    for name, suite in suites_of(run).items():
        of_suite = attacked[attacked["attack"].isin(suite["attacks"])]
        applying = {language: len(attacks_on(suite, language)) for language in set(of_suite["language"])}
        tried_by = of_suite.groupby(KEYS)["attack"].transform("size")
        if (whole := tried_by == of_suite["language"].map(applying)).any():
            together[robust_name(name)] = _right_under_all(of_suite[whole])
    for name in [name for name in together if name in by_attack]:  # some were only tried until an attack broke them
        by_attack[name] = _beside(together.pop(name), by_attack[name])
    found |= by_attack | together
    if len(by_attack) > 1:
        common = covered_by_all({name: places(frame) for name, frame in by_attack.items()})
        tried = attacked[[place in common for place in places(attacked)]]
        if len(tried):
            found[WORST] = _right_under_all(tried)
    return found


def suites_of(run: Run) -> dict[str, dict[str, Any]]:
    """The records of the suites that a run was attacked with, by name."""
    return run.results.get("suites") or {}


def suite_of(run: Run, condition: str) -> str | None:
    """The hash of the suite that a condition is about; None if it is about none."""
    found = [suite["hash"] for name, suite in suites_of(run).items() if robust_name(name) == condition]
    return found[0] if found else None


def _right_under_all(rows: pd.DataFrame) -> pd.DataFrame:
    """One row an example, which is right if all of its rows are."""
    same = {name: (name, "first") for name in ("group", "label", "text", "text_pair")}
    return rows.groupby(KEYS, sort=False).agg(**same, correct=("correct", "all")).reset_index()


def _beside(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Rows, and those of others whose examples are not among them."""
    known = set(places(rows))
    more = others[[place not in known for place in places(others)]]
    return pd.concat([rows, more[rows.columns]], ignore_index=True)


def attacks_of(rows: Rows) -> Rows:
    """The rows of each attack, without the clean ones and those of several attacks."""
    return {name: frame for name, frame in rows.items() if is_attack(name)}


def attacked_texts(rows: Rows) -> list[pd.DataFrame]:
    """The rows that hold attacked texts: those of each attack, and those of suites whose attacks were tried until one
    broke the example, as rows of that attack.
    """
    together = [frame[frame["broken_by"].notna()] for frame in rows.values() if "broken_by" in frame]
    return [*attacks_of(rows).values(), *(own.assign(attack=own["broken_by"]) for own in together if len(own))]


def places(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """(language, id) of each row."""
    return list(zip(rows["language"], rows["id"], strict=True))


def averaged(rows: Rows, condition: str) -> bool:
    """Whether a condition may be averaged over languages; ``worst`` may not if its attacks cover different ones."""
    if condition != WORST:
        return True
    return equally_covered(set(frame["language"]) for frame in [rows[WORST], *attacks_of(rows).values()])


def target_average(rows: pd.DataFrame, source: str) -> float | None:
    """The accuracy of a condition's rows, averaged over the target languages; None if they have none."""
    targets = rows[rows["language"] != source]
    return float(targets.groupby("language")["correct"].mean().mean()) if len(targets) else None


def clean_of(clean: pd.DataFrame | None, attacked: pd.DataFrame) -> pd.DataFrame:
    """The clean rows of the attacked examples, for languages that have them all; empty if no language does."""
    if clean is None:
        return attacked.head(0)
    found = clean.merge(attacked[KEYS], on=KEYS)
    there, wanted = (Counter(frame["language"]) for frame in (found, attacked))
    whole = [name for name, count in there.items() if count == wanted[name]]
    return found[found["language"].isin(whole)]
