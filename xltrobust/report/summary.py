"""The figures of a report: accuracies with intervals, by language and on average, and differences of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from xltrobust.metrics.bootstrap import Combinations, Interval, bootstrap_accuracy
from xltrobust.report.attack_costs import Costs, attack_costs
from xltrobust.report.conditions import CLEAN, Rows, attacks_of, averaged, clean_of, condition_rows
from xltrobust.runs.finished import Run

AVERAGES = ("avg", "avg_all", "transfer_gap")
SORTS = ("run", "name", "clean", "robust", "worst")


@dataclass(frozen=True)
class Summary:
    """One split of one run.

    Args:
        run: the run.
        split: the split.
        languages: the languages that have predictions, in the run's order.
        conditions: accuracies by condition ("clean", each attack, "robust", "worst"), then by language or average.
        clean_on_attacked: clean accuracies on the examples of each attack, "robust" and "worst", in the same layout.
        shared: clean accuracies on examples whose label occurs in all languages; empty unless the run reports them.
        shared_labels: the number of these labels.
        costs: what each attack achieved and cost, by attack, then by language or ``avg``.
    """

    run: Run
    split: str
    languages: list[str]
    conditions: dict[str, dict[str, Interval]]
    clean_on_attacked: dict[str, dict[str, Interval]] = field(default_factory=dict)
    shared: dict[str, Interval] = field(default_factory=dict)
    shared_labels: int = 0
    costs: dict[str, dict[str, Costs]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The language that the model was trained on."""
        return self.run.results["source"]

    def intents(self, language: str) -> int | None:
        """How many intents the data cover in a language, where the task says so."""
        found = (self.run.results.get("data") or {}).get("intents_covered")
        return found.get(language) if isinstance(found, dict) else None


@dataclass(frozen=True)
class Comparison:
    """Accuracies of a run minus those of the report's first run, by condition, then by language or average."""

    name: str
    conditions: dict[str, dict[str, Interval]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """All figures of a report.

    Args:
        split: the test split.
        languages: the languages of all runs, in the order of the tables' rows.
        summaries: of each run, on all that it has.
        comparisons: of each later run with the first.
        common: of several runs, summaries on the examples and languages that all of them have in a condition. These
            stand beside the differences, so that both are over the same examples. A run that shares no example with
            the first lacks the condition here.
    """

    split: str
    languages: list[str]
    summaries: list[Summary]
    comparisons: list[Comparison]
    common: list[Summary] = field(default_factory=list)

    @property
    def single(self) -> bool:
        """Whether the report is about one run."""
        return len(self.summaries) == 1

    @property
    def compared(self) -> list[Summary]:
        """What tables of several runs show side by side; for a single run, its summary."""
        return self.common or self.summaries


def combinations(languages: Sequence[str], source: str) -> Combinations:
    """Weights over languages for each average, and for the gap between the source and the average of the targets.

    >>> combinations(["en", "de"], source="en")
    {'avg': {'de': 1.0}, 'avg_all': {'en': 0.5, 'de': 0.5}, 'transfer_gap': {'de': -1.0, 'en': 1.0}}
    """
    targets = [language for language in languages if language != source]
    found = {"avg": {name: 1 / len(targets) for name in targets}} if targets else {}
    found["avg_all"] = {name: 1 / len(languages) for name in languages}
    if targets and source in languages:
        found["transfer_gap"] = {name: -weight for name, weight in found["avg"].items()} | {source: 1.0}
    return found


def summarize(run: Run, split: str) -> Summary:
    """Computes the figures of one split of a run from its predictions.

    Raises:
        UserError: if there are no predictions of the split.
    """
    rows = condition_rows(run, split)
    summary = summarize_rows(run, split, rows, rows.get(CLEAN), run.results["source"])
    if CLEAN not in rows or run.figure(f"{split}/acc_shared/avg_all") is None:
        return summary
    labels = set.intersection(*(set(frame["label"]) for _, frame in rows[CLEAN].groupby("language")))
    if not labels:
        return summary
    shared = _intervals(rows[CLEAN][rows[CLEAN]["label"].isin(labels)], summary.languages, summary.source)
    return replace(summary, shared=shared, shared_labels=len(labels))


def summarize_rows(run: Run, split: str, rows: Rows, clean: pd.DataFrame | None, source: str) -> Summary:
    """Computes the figures of some of a run's predictions.

    Args:
        run: the run.
        split: the split of the predictions.
        rows: the predictions by condition.
        clean: the run's clean predictions, which need not be among ``rows``; None if there are none.
        source: the language that averages over targets leave out.
    """
    found = set().union(*(frame["language"] for frame in rows.values()))
    ordered = [name for name in run.results["languages"] if name in found]
    languages = ordered + sorted(found - set(ordered))
    conditions, clean_on_attacked = {}, {}
    for name, frame in rows.items():
        # The source alone, of several languages, is no average.
        means = averaged(rows, name) and (set(frame["language"]) != {source} or languages == [source])
        conditions[name] = _intervals(frame, languages, source, means)
        originals = frame.head(0) if name == CLEAN else clean_of(clean, frame)
        if len(originals):
            clean_on_attacked[name] = _intervals(originals, languages, source, means and len(originals) == len(frame))
    costs = {name: attack_costs(frame, languages, source) for name, frame in attacks_of(rows).items()}
    return Summary(run, split, languages, conditions, clean_on_attacked, costs=costs)


def sort_languages(summaries: Sequence[Summary], by: str) -> list[str]:
    """The languages of all runs, the source first, ordered as :func:`xltrobust.report.build_report` describes."""
    names = list(dict.fromkeys(language for summary in summaries for language in summary.languages))
    first = summaries[0]
    if by == "name":
        names.sort()
    elif by != "run":
        column = first.conditions.get(by) or list(first.conditions.values())[-1]
        names.sort(key=lambda name: -column[name].value if name in column else 0.0)
    return sorted(names, key=lambda name: name != first.source)


def _intervals(rows: pd.DataFrame, languages: Sequence[str], source: str, averages: bool = True) -> dict[str, Interval]:
    there = set(rows["language"])
    means = combinations([language for language in languages if language in there], source) if averages else {}
    return bootstrap_accuracy(rows["correct"], rows["language"], rows["group"], combinations=means)
