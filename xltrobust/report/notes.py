"""Warnings that stand beside the figures of a report."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.metrics.coverage import WORST, is_attack, robust_name
from xltrobust.report.blocks import Notes, Prose
from xltrobust.report.conditions import CLEAN, suites_of
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.costs import refusal_lines

# With fewer clusters, percentile intervals are known to be too narrow (Field & Welsh 2007).
_FEW_GROUPS = 20
# Figures may have been computed, or averaged, in single precision.
_TOLERANCE = 5e-4


def report_notes(report: Report) -> list[Notes]:
    """Notes on all runs and on all comparisons."""
    owners = [(summary.run.name, summary_notes(summary)) for summary in report.summaries]
    owners += [(f"{comparison.name} (difference)", comparison.notes) for comparison in report.comparisons]
    return [Notes([(owner, note) for owner, notes in owners for note in notes])]


def comparison_notes(report: Report) -> list[Notes]:
    """Notes on the comparisons alone."""
    notes = [(comparison.name, note) for comparison in report.comparisons for note in comparison.notes]
    return [Notes(notes)] if notes else []


def refusals_of_runs(report: Report) -> list[Prose]:
    """What the constraints of each attack refused, a line an attack and run."""
    return [
        Prose("", line if report.single else f"{summary.run.name}: {line}")
        for summary in report.summaries
        for line in refusal_lines(summary)
    ]


def summary_notes(summary: Summary) -> list[str]:
    """Warnings about one run: figures that disagree with its predictions, few groups, missing languages, coverage."""
    run, notes = summary.run, []
    disagreeing = []
    figures = {"acc" if name == CLEAN else f"adv_acc/{name}": found for name, found in summary.conditions.items()}
    figures |= {f"acc_attacked/{name}": found for name, found in summary.clean_on_attacked.items()}
    for prefix, intervals in figures.items():
        for name, interval in intervals.items():
            figure = f"{summary.split}/{prefix}/{name}"
            if name == "transfer_gap":
                figure = f"{summary.split}/transfer_gap" if prefix == "acc" else ""
            reported = run.figure(figure)
            if reported is not None and not abs(reported - interval.value) < _TOLERANCE:
                disagreeing.append(f"{figure} ({reported:.4f}, but {interval.value:.4f} by the predictions)")
    if disagreeing:
        more = f" and {len(disagreeing) - 3} more" if len(disagreeing) > 3 else ""
        notes.append(f"results.json and predictions.parquet disagree on {', '.join(disagreeing[:3])}{more}.")
    found = summary.conditions.values()
    few = [name for name in summary.languages if any(name in c and c[name].groups < _FEW_GROUPS for c in found)]
    if few:
        notes.append(f"fewer than {_FEW_GROUPS} independent groups, so intervals are too narrow, in {', '.join(few)}.")
    lacking = [name for name in run.results["languages"] if name not in summary.languages]
    if lacking and summary.split == "test":
        notes.append(f"no predictions for {', '.join(map(str, lacking))}.")
    notes += _coverage(summary)
    for attack, record in (run.results.get("attacks") or {}).items():
        if attack in summary.conditions and record.get("caveat"):
            notes.append(f"{attack}: {record['caveat']}")
    notes += _suites(summary)
    for attack, costs in summary.costs.items():
        if untouched := [name for name in summary.languages if name in costs and not costs[name].attacked]:
            notes.append(
                f"{attack} had nothing to break in {', '.join(untouched)}: no example was right before the attack."
            )
    return notes


def _suites(summary: Summary) -> list[str]:
    """Which attacks do not apply where, and controls that found more than the attack that they are the control of."""
    notes = []
    for name, suite in suites_of(summary.run).items():
        if robust_name(name) not in summary.conditions:
            continue
        for attack, languages in suite["not_applicable"].items():
            listed = _listed([language for language in languages if language in summary.languages])
            if listed:
                notes.append(
                    f"{attack} has nothing to change in {listed}: there {robust_name(name)} is over the others."
                )
        if caveat := (suite.get("together") or {}).get("caveat"):
            notes.append(caveat)
        for control in suite["controls"]:
            attack = control.removesuffix("_random")
            under = [summary.conditions.get(each, {}).get("avg") for each in (attack, control)]
            if under[0] and under[1] and under[1].value < under[0].value:
                notes.append(
                    f"{control}, which does not look at answers, left less than {attack} at the same budget: the "
                    f"model's gradients mislead the search, and {robust_name(name)} flatters it."
                )
    return notes


def _coverage(summary: Summary) -> list[str]:
    """Averages that stand beside each other but are over different languages or examples."""
    notes = []
    attacks = [name for name in summary.conditions if is_attack(name)]
    for condition in (name for name in summary.conditions if name != WORST):
        intervals = summary.conditions[condition]
        left = [name for name in summary.languages if name not in intervals]
        if left and "avg_all" in intervals:
            notes.append(
                f"averages of {condition} are over {len(summary.languages) - len(left)} of {len(summary.languages)} "
                f"languages, since it does not cover {_listed(left)}: compare them with the clean accuracy beside "
                "them, not with other attacks."
            )
    if len(attacks) < 2:
        return notes
    worst = summary.conditions.get(WORST)
    if worst is None:
        return [*notes, f"there is no {WORST}, because no example was attacked by all attacks."]
    there = [name for name in summary.languages if name in worst]
    if "avg_all" not in worst:
        attacked = {name for attack in attacks for name in summary.conditions[attack] if name in summary.languages}
        fewer = [name for name in attacks if not attacked <= summary.conditions[name].keys()]
        notes.append(
            f"{WORST} is given only for {_listed(there)}, which all attacks cover, and has no average: "
            f"{_listed(fewer)} cover fewer languages than the other attacks. Name fewer with --attacks to include more."
        )

    def tried_on_more(attack: str) -> bool:
        intervals = summary.conditions[attack]
        return any(intervals[language].examples > worst[language].examples for language in there)

    if more := [name for name in attacks if tried_on_more(name)]:
        notes.append(
            f"{WORST} is over the examples that all attacks were tried on; more were tried by {_listed(more)}."
        )
    return notes


def _listed(names: Sequence[str], most: int = 8) -> str:
    """
    >>> _listed(["a", "b"]), _listed(list("abcdefghijk"))
    ('a, b', 'a, b, c, d, e, f, g, h and 3 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
