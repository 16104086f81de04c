"""How the figures of a report are counted, in words."""

from __future__ import annotations

from xltrobust.report.blocks import Notes, Prose
from xltrobust.report.budget_curve import has_curves
from xltrobust.report.over_seeds import MethodComparison
from xltrobust.report.summary import Report
from xltrobust.report.tables.costs import cost_tables

_METHOD = """Accuracies are in percent, with 95 % confidence intervals from a percentile bootstrap (Efron & Tibshirani
1993) of 2,000 replicates that resamples groups, not examples: sentences of one template, or translations of one item,
rise and fall together (Field & Welsh 2007). Intervals of averages and differences resample the same groups in all
languages and both runs; they speak of other test examples, not of other training seeds. Where all groups of a
language are right, or all wrong, the interval is Wilson's on the number of groups. `avg (targets)` leaves the source
language out. Attacks may cover a part of the examples (n) and of the languages: left of the arrow is clean accuracy on
the examples that were attacked, right of it accuracy under the attack, and averages of both are over the languages that
the attack covers. `worst` is right under every attack; it is counted over the examples that all attacks were tried on,
and on average only where all attacks cover the same languages. `majority` is the accuracy of always giving the most
frequent label; F1 is macro-averaged over labels."""
_COSTS = """What attacks cost is given as avg / source: `avg` is the mean of those target languages that have a value;
`attacked` are the examples that were right before the attack, of all targets together. Success is the share of them
that it broke. Queries (forward passes, the original included) and backwards (backward passes) are means over the
attacked examples. How far the broken texts are from the originals is a mean over the broken examples: words and
characters changed in percent of the original's, similarity as the cosine by the encoder before fine-tuning."""
_CURVE = """ The picture shows which accuracy would be left had the attack been given fewer passes (forward and
backward, the original included); a line ends at the most that the attack spent on any example. In brackets: of how many
target languages the average is, where the attack does not cover all."""
_MARKED = """ Tables of several runs are on the examples, and averages over the languages, that all of them have.
`*`: the interval of the difference excludes 0. """
_METHODS = (
    "Brackets: 95 % confidence intervals, over test examples and over seeds together. *: the interval of the "
    "difference excludes 0."
)


def accuracies_explained(report: Report) -> list[Prose]:
    """What accuracies, their averages and their intervals are."""
    if report.single:
        return [Prose(_METHOD)]
    return [Prose(_METHOD + _MARKED, contrasts(f"run, {report.summaries[0].run.name}", len(report.comparisons) > 1))]


def costs_explained(report: Report) -> list[Prose]:
    """What the tables of costs and the picture of budgets show; nothing where no run was attacked."""
    if not any(summary.costs for summary in report.summaries):
        return []
    return [Prose(_COSTS + _CURVE if has_curves(report) else _COSTS)]


def in_short(report: Report) -> list[Prose]:
    """All of it in a few lines, for the terminal."""
    text, comparing = "Brackets: 95 % confidence intervals, groups of dependent examples resampled together.", ""
    if report.comparisons:
        text += " Of several runs, the examples that all have. *: the interval of the difference excludes 0. "
        comparing = contrasts(f"run, {report.summaries[0].run.name}", len(report.comparisons) > 1)
    if cost_tables(report):
        comparing += " Queries and backwards: per attacked example; changes and similarity: of the broken ones."
    return [Prose(text, comparing)]


def methods_explained(comparison: MethodComparison) -> list[Notes]:
    """What the intervals over seeds are, and what else to know about the methods compared."""
    notes = [_METHODS, *comparison.notes]
    if len(comparison.methods) > 1:
        notes.append(contrasts(f"runs of {comparison.baseline.name}", len(comparison.methods) > 2))
    return [Notes([("", note) for note in notes])]


def contrasts(first: str, several: bool) -> str:
    """What holds of all differences to one baseline, for beside their tables.

    Args:
        first: what is compared with, a run or the runs of a method.
        several: whether there is more than one contrast.
    """
    shared = f"All of them are to the same {first}, whose luck is in each. " if several else ""
    return (
        f"Differences: {shared}Languages are taken as fixed: intervals speak of these languages, not of others. "
        "Nothing is corrected for the number of comparisons: of 20 true zeros, one is marked by chance."
    )
