"""What a reader should know before trusting the figures of a report."""

from __future__ import annotations

from xltrobust.report.summary import CLEAN, Report, Summary

# With fewer clusters, percentile intervals are known to be too narrow (Field & Welsh 2007).
_FEW_GROUPS = 20
# Figures may have been computed, or averaged, in single precision.
_TOLERANCE = 5e-4


def report_notes(report: Report) -> list[tuple[str, str]]:
    """(run, note) of all runs and of all comparisons."""
    owners = [(summary.run.name, summary_notes(summary)) for summary in report.summaries]
    owners += [(f"{comparison.name} (difference)", comparison.notes) for comparison in report.comparisons]
    return [(owner, note) for owner, own in owners for note in own]


def summary_notes(summary: Summary) -> list[str]:
    """Notes on one run: figures that do not agree with its predictions, and what the figures lack."""
    run, notes = summary.run, []
    disagreeing = []
    for condition, intervals in summary.conditions.items():
        prefix = "acc" if condition == CLEAN else f"adv_acc/{condition}"
        for name, interval in intervals.items():
            figure = f"{summary.split}/{prefix}/{name}"
            if name == "transfer_gap":
                figure = f"{summary.split}/transfer_gap" if condition == CLEAN else ""
            reported = run.figure(figure)
            if reported is not None and not abs(reported - interval.value) < _TOLERANCE:
                disagreeing.append(f"{figure} ({reported:.4f}, but {interval.value:.4f} by the predictions)")
    if disagreeing:
        more = f" and {len(disagreeing) - 3} more" if len(disagreeing) > 3 else ""
        notes.append(f"results.json and predictions.parquet disagree on {', '.join(disagreeing[:3])}{more}.")
    found = summary.conditions.values()
    few = [name for name in summary.languages if any(name in c and c[name].groups < _FEW_GROUPS for c in found)]
    if few:
        notes.append(f"fewer than {_FEW_GROUPS} independent groups, so intervals are too narrow: {', '.join(few)}.")
    lacking = [name for name in run.results["languages"] if name not in summary.languages]
    if lacking and summary.split == "test":
        notes.append(f"no predictions for {', '.join(map(str, lacking))}.")
    for condition, intervals in summary.conditions.items():
        left = [name for name in summary.languages if name not in intervals]
        if left:
            notes.append(f"averages of {condition} leave out {', '.join(left)}, which it does not cover.")
    for attack, costs in summary.costs.items():
        if untouched := [name for name in summary.languages if name in costs and not costs[name].attacked]:
            notes.append(f"{attack} had nothing to break in {', '.join(untouched)}, where no example was right before.")
    return notes
