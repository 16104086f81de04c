"""Which part of runs a report is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltrobust.errors import UserError
from xltrobust.metrics.coverage import WORST, robust_name
from xltrobust.runs.finished import Run


def only_attacks(runs: Sequence[Run], attacks: Sequence[str]) -> list[Run]:
    """The runs without the predictions and figures of other attacks than these.

    Raises:
        UserError: if no run was attacked by one of them.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.predictions["attack"].dropna()))
    if missing := [name for name in attacks if name not in known]:
        raise UserError(f"no attack {missing[0]!r} in {', '.join(str(run.path) for run in runs)}; there is {known}.")
    found = []
    for run in runs:
        rows = run.predictions
        suites = (run.results.get("suites") or {}).items()
        tried = set(run.predictions["attack"].dropna())
        suites = {
            name: suite
            for name, suite in suites
            if tried & {robust_name(name), *suite["attacks"]} <= set(attacks)
        }  # fmt: skip
        gone = [WORST, *(robust_name(name) for name in run.results.get("suites") or {} if name not in suites)]
        of_those = tuple(f"/{kind}/{name}/" for kind in ("adv_acc", "acc_attacked") for name in gone)
        figures = run.results["figures"].items()
        kept = {name: value for name, value in figures if not any(part in name for part in of_those)}
        rows = rows[rows["attack"].isna() | rows["attack"].isin(attacks)]
        found.append(replace(run, results=run.results | {"figures": kept, "suites": suites}, predictions=rows))
    return found
