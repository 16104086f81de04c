"""What a report says: accuracies with confidence intervals, per language and on average, and differences of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from xltrobust.errors import UserError
from xltrobust.metrics.bootstrap import Combinations, Interval, bootstrap_accuracy, paired_difference
from xltrobust.report.costs import Costs, attack_costs
from xltrobust.report.load import Run

CLEAN, WORST = "clean", "worst"
AVERAGES = ("avg", "avg_all", "transfer_gap")
SORTS = ("run", "name", "clean", "worst")


@dataclass(frozen=True)
class Summary:
    """One split of one run.

    Args:
        run: the run.
        split: the split.
        languages: those that have predictions, in the run's order.
        conditions: accuracy intervals by condition ("clean", each attack, "worst") and language or average.
        shared: intervals of the accuracy over the labels that all languages have; empty unless the run reports them.
        shared_labels: how many labels these are.
        costs: what each attack achieved and cost, by attack and language or ``avg``.
    """

    run: Run
    split: str
    languages: list[str]
    conditions: dict[str, dict[str, Interval]]
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
    """Accuracies of a run minus those of the report's first run, by condition and language or average."""

    name: str
    conditions: dict[str, dict[str, Interval]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """Summaries of all runs, the comparisons of each later run with the first, and the languages in row order."""

    split: str
    languages: list[str]
    summaries: list[Summary]
    comparisons: list[Comparison]


def combinations(languages: Sequence[str], source: str) -> Combinations:
    """The averages of a report, and the gap between the source and the targets' average, as weights over languages.

    >>> combinations(["en", "de"], source="en")
    {'avg': {'de': 1.0}, 'avg_all': {'en': 0.5, 'de': 0.5}, 'transfer_gap': {'de': -1.0, 'en': 1.0}}
    """
    targets = [language for language in languages if language != source]
    found = {"avg": {name: 1 / len(targets) for name in targets}} if targets else {}
    found["avg_all"] = {name: 1 / len(languages) for name in languages}
    if targets and source in languages:
        found["transfer_gap"] = {name: -weight for name, weight in found["avg"].items()} | {source: 1.0}
    return found


def condition_rows(run: Run, split: str) -> dict[str, pd.DataFrame]:
    """The rows of each condition: clean, each attack in order of appearance, and ``worst`` of two attacks or more.

    An example is right in the worst case if it is right under every attack on its language; only those that all of
    these covered count.
    """
    rows = run.predictions[run.predictions["split"] == split]
    if rows.empty:
        known = ", ".join(dict.fromkeys(run.predictions["split"]))
        raise UserError(f"{run.path / 'predictions.parquet'}: no split {split!r}; there is {known}.")
    clean, attacked = rows[rows["attack"].isna()], rows[rows["attack"].notna()]
    found = {CLEAN: clean} if len(clean) else {}
    attacks = list(dict.fromkeys(attacked["attack"]))
    found |= {attack: attacked[attacked["attack"] == attack] for attack in attacks}
    if len(attacks) > 1:
        by_example = attacked.groupby(["language", "id"], sort=False)
        same = {name: (name, "first") for name in ("group", "label", "text", "text_pair")}
        worst = by_example.agg(**same, correct=("correct", "all"), attacks=("attack", "size"))
        tried = attacked.groupby("language")["attack"].nunique()
        worst = worst.reset_index()
        worst = worst[worst["attacks"] == worst["language"].map(tried)]
        if len(worst):
            found[WORST] = worst
    return found


def summarize(run: Run, split: str) -> Summary:
    """Bootstraps one split of a run; all figures come from its predictions.

    Raises:
        UserError: if there are no predictions of the split.
    """
    rows = condition_rows(run, split)
    found = set().union(*(frame["language"] for frame in rows.values()))
    ordered = [name for name in run.results["languages"] if name in found]
    languages = ordered + sorted(found - set(ordered))
    source = run.results["source"]
    conditions = {name: _intervals(frame, languages, source) for name, frame in rows.items()}
    shared: dict[str, Interval] = {}
    labels: set[int] = set()
    if CLEAN in rows and run.figure(f"{split}/acc_shared/avg_all") is not None:
        labels = set.intersection(*(set(own["label"]) for _, own in rows[CLEAN].groupby("language")))
        if labels:
            shared = _intervals(rows[CLEAN][rows[CLEAN]["label"].isin(labels)], languages, source)
    attacks = [name for name in rows if name not in (CLEAN, WORST)]
    costs = {name: attack_costs(rows[name], languages, source) for name in attacks}
    return Summary(run, split, languages, conditions, shared, len(labels), costs)


def _with_content(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose ids hold label and texts too: equal ids of other texts (another split seed, say) are no pairs."""
    texts = [rows[name].fillna("").astype(str) for name in ("text", "text_pair")]
    return rows.assign(id=rows["id"] + "\t" + rows["label"].astype(str) + "\t" + texts[0] + "\t" + texts[1])


def compare(later: Summary, first: Summary) -> Comparison:
    """Paired differences, later minus first, in the conditions and languages that both have."""
    found, notes = {}, []
    one, other = (
        {name: _with_content(rows) for name, rows in condition_rows(summary.run, summary.split).items()}
        for summary in (later, first)
    )
    attacks = [list(rows.keys() - {CLEAN, WORST}) for rows in (one, other)]
    for name in (name for name in one if name in other):
        if name == WORST and set(attacks[0]) != set(attacks[1]):
            notes.append(f"{WORST} is not compared, because {later.run.name} was attacked otherwise.")
            continue
        keys = ["language", "id"]
        common = set(one[name][keys].merge(other[name][keys])["language"])
        if not common:
            notes.append(f"{name}: {later.run.name} and {first.run.name} have no examples in common.")
            continue
        averages = combinations([language for language in first.languages if language in common], first.source)
        difference = paired_difference(one[name], other[name], combinations=averages)
        found[name] = difference.intervals
        if any(difference.left_out):
            own, reference = difference.left_out
            notes.append(
                f"{name}: compared on the {difference.common:,} examples in common; left out are {own:,} of "
                f"{later.run.name} and {reference:,} of {first.run.name}."
            )
    if set(later.languages) != set(first.languages):
        notes.append(
            f"averages are over {len(later.languages)} languages, those of {first.run.name} over "
            f"{len(first.languages)}; averages of differences over those in common."
        )
    if later.run.results.get("labels") != first.run.results.get("labels"):
        notes.append(f"{later.run.name} and {first.run.name} have different labels.")
    if later.source != first.source:
        notes.append(f"{later.run.name} has another source language; averages of differences leave out {first.source}.")
    return Comparison(later.run.name, found, notes)


def sort_languages(summaries: Sequence[Summary], by: str) -> list[str]:
    """The languages of all runs, the source first: in the run's order, by name, or by the first run's accuracy."""
    names = list(dict.fromkeys(language for summary in summaries for language in summary.languages))
    first = summaries[0]
    if by == "name":
        names.sort()
    elif by != "run":
        column = first.conditions.get(by) or list(first.conditions.values())[-1]
        names.sort(key=lambda name: -column[name].value if name in column else 0.0)
    return sorted(names, key=lambda name: name != first.source)


def _intervals(rows: pd.DataFrame, languages: Sequence[str], source: str) -> dict[str, Interval]:
    there = set(rows["language"])
    averages = combinations([language for language in languages if language in there], source)
    return bootstrap_accuracy(rows["correct"], rows["language"], rows["group"], combinations=averages)
