"""Differences between each later run and the first, on the examples that all runs have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltrobust.metrics.bootstrap import Interval, paired_difference
from xltrobust.metrics.coverage import WORST, is_robust
from xltrobust.report.conditions import CLEAN, Rows, attacks_of, averaged, condition_rows, suite_of
from xltrobust.report.pairing import in_common, with_content
from xltrobust.report.summary import Comparison, Summary, combinations, summarize_rows


def compare(summaries: Sequence[Summary]) -> tuple[list[Comparison], list[Summary]]:
    """Compares each later run with the first.

    For each condition, only the examples that all runs have are used, and averages are over the languages of these
    examples; the average over targets leaves out the first run's source language.

    Args:
        summaries: of the runs, the first of which is the baseline.

    Returns:
        The paired differences of each later run, and a summary of every run on the same examples.
    """
    first = summaries[0]
    rows = [with_content(condition_rows(summary.run, summary.split)) for summary in summaries]
    names = [summary.run.name for summary in summaries]
    kept: list[Rows] = [{} for _ in summaries]
    notes: list[list[str]] = [[] for _ in summaries]
    for condition in dict.fromkeys(name for by_condition in rows for name in by_condition):
        having = [at for at, by_condition in enumerate(rows) if condition in by_condition]
        if condition == WORST:
            attacks = set(attacks_of(rows[having[0]]))
            for at in [at for at in having if set(attacks_of(rows[at])) != attacks]:
                having.remove(at)
                notes[at].append(f"{WORST} is not compared: {names[at]} was attacked by other attacks.")
        if is_robust(condition):
            suite = suite_of(summaries[having[0]].run, condition)
            for at in [at for at in having if suite_of(summaries[at].run, condition) != suite]:
                having.remove(at)
                notes[at].append(f"{condition} is not compared: {names[at]} was attacked by another suite.")
        cut = in_common({at: rows[at][condition] for at in having})
        for at, frame in cut.items():
            kept[at][condition] = frame
        lost = {at: len(rows[at][condition]) - len(frame) for at, frame in cut.items()}
        reference = having[0]
        for at in having[1:]:
            if at not in cut:
                notes[at].append(f"{condition}: {names[at]} and {names[reference]} have no examples in common.")
            elif lost[at] or lost[reference]:
                notes[at].append(
                    f"{condition}: compared on the {len(cut[at]):,} examples that all runs have; this leaves out "
                    f"{lost[at]:,} of {names[at]} and {lost[reference]:,} of {names[reference]}."
                )
    common = [
        _cut(summary, part, whole, first.source) for summary, part, whole in zip(summaries, kept, rows, strict=True)
    ]
    comparisons = [
        Comparison(later.run.name, _differences(kept[at], kept[0], first), [*notes[at], *_unlike(later, first)])
        for at, later in enumerate(summaries)
        if at
    ]
    return comparisons, common


def _cut(summary: Summary, kept: Rows, whole: Rows, source: str) -> Summary:
    """The summary of a run on the rows that were kept."""
    if not kept:
        return replace(summary, conditions={}, clean_on_attacked={}, costs={})
    if source == summary.source and {name: len(frame) for name, frame in kept.items()} == {
        name: len(frame) for name, frame in whole.items()
    }:
        return summary
    return summarize_rows(summary.run, summary.split, kept, whole.get(CLEAN), source)


def _differences(ours: Rows, theirs: Rows, first: Summary) -> dict[str, dict[str, Interval]]:
    found = {}
    for condition in (name for name in ours if name in theirs):
        there = set(ours[condition]["language"])
        languages = [name for name in first.languages if name in there]
        means = combinations(languages, first.source) if averaged(ours, condition) else {}
        found[condition] = paired_difference(ours[condition], theirs[condition], combinations=means).intervals
    return found


def _unlike(later: Summary, first: Summary) -> list[str]:
    """Notes on languages, labels and source languages that differ between two runs."""
    notes, name = [], first.run.name
    if set(later.languages) != set(first.languages):
        shared = sum(language in first.languages for language in later.languages)
        notes.append(
            f"{later.run.name} has {len(later.languages)} languages, {name} has {len(first.languages)}; differences "
            f"and the averages beside them are over the languages that all runs have, at most {shared}."
        )
    if later.run.results.get("labels") != first.run.results.get("labels"):
        notes.append(f"{later.run.name} and {name} have different labels.")
    if later.source != first.source:
        notes.append(
            f"{later.run.name} has another source language; averages over targets leave out {first.source} in all runs."
        )
    return notes
