"""How the figures of a report are counted, in words."""

from __future__ import annotations

from xltrobust.report.blocks import Notes, Prose
from xltrobust.report.budget_curve import has_curves
from xltrobust.report.over_seeds import MethodComparison
from xltrobust.report.summary import Report
from xltrobust.report.tables.costs import cost_tables

_METHOD = """Accuracies are in percent. Brackets hold 95 % confidence intervals from a percentile bootstrap (Efron &
Tibshirani 1993) with 2,000 replicates that resamples groups of dependent examples: the sentences of one template, or
the translations of one item (Field & Welsh 2007). Averages and differences resample the same groups in all languages
and in both runs. The intervals tell how figures would vary with other test examples, not with other training seeds.
Where all groups of a language are right, or all wrong, the interval is Wilson's on the number of groups.
`avg (targets)` is the mean over the target languages, without the source. An attack may cover some of the examples (n)
and some of the languages: left of the arrow is clean accuracy on the attacked examples, right of it accuracy under the
attack, and both are averaged over the languages that the attack covers. `robust` counts an example as right if it is
right under every attack of a suite (`standard-1`) that applies to its language; controls do not count. `worst` counts
an example as right if it is right under every attack; it is taken over the examples that all attacks were tried on, and
averaged only if all attacks cover the same languages. `majority` is the accuracy of always giving the most frequent
label. F1 is macro-averaged over labels."""
_COSTS = """The costs of attacks are given as avg / source, where `avg` is the mean over the target languages that have
a value. `attacked`: the number of examples that were right before the attack, summed over the target languages.
Success: the share of these that the attack broke. Queries (forward passes, including the one on the original) and
backwards (backward passes): means over the attacked examples. Words and characters changed (in percent of the
original's) and similarity (cosine by the encoder before fine-tuning): means over the broken examples."""
_CURVE = """ The picture shows the accuracy that would remain if the attack had fewer passes for an example (forward and
backward, including the one on the original). A line ends at the most that the attack spent on any example. In brackets:
over how many target languages the average is, where the attack does not cover all."""
_MARKED = """ Tables of several runs use only the examples that all of these runs have, and average over the languages
that all of them have. `*`: the interval of the difference excludes 0. """
_METHODS = (
    "Brackets: 95 % confidence intervals that include the spread over test examples and over seeds. *: the interval of "
    "the difference excludes 0."
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
    """The same in a few lines, for the terminal."""
    text, comparing = "Brackets: 95 % confidence intervals; groups of dependent examples are resampled together.", ""
    if report.comparisons:
        text += " Tables use only the examples that all runs have. *: the interval of the difference excludes 0. "
        comparing = contrasts(f"run, {report.summaries[0].run.name}", len(report.comparisons) > 1)
    if cost_tables(report):
        comparing += " Queries and backwards: means over attacked examples; changes and similarity: over broken ones."
    return [Prose(text, comparing)]


def methods_explained(comparison: MethodComparison) -> list[Notes]:
    """What the intervals over seeds hold, and notes on the methods compared."""
    notes = [_METHODS, *comparison.notes]
    if len(comparison.methods) > 1:
        notes.append(contrasts(f"runs of {comparison.baseline.name}", len(comparison.methods) > 2))
    return [Notes([("", note) for note in notes])]


def contrasts(first: str, several: bool) -> str:
    """What to keep in mind when reading differences to one baseline.

    Args:
        first: the baseline: a run, or the runs of a method.
        several: whether more than one run or method is compared with it.
    """
    shared = f"All are to the same {first}, so chance in that baseline affects each of them. " if several else ""
    return (
        f"Differences: {shared}Languages are treated as fixed: the intervals are about these languages and do not "
        "extend to others. There is no correction for multiple comparisons: of 20 differences that are truly zero, "
        "about one is marked by chance."
    )
