"""What attacks achieve and cost: examples broken, passes of the model, and how much of the texts they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xltrobust.metrics.bootstrap import Interval, bootstrap_accuracy

SIDES = ("text", "text_pair", "both")
# Means over the attacked examples, and means over those that were broken.
_SPENT = ["queries", "backwards"]
_CHANGED = ["words_changed", "characters_changed", "similarity"]


class Mean(NamedTuple):
    """A mean, and the number of examples whose value is known."""

    value: float
    examples: int


@dataclass(frozen=True)
class Costs:
    """One attack in one language, or on average over the target languages that have a value.

    Args:
        attacked: examples that were right before the attack; on average, of all target languages together.
        success: the share of them that were broken; None if there are none.
        means: by name, those that are known: ``queries`` (forward passes) and ``backwards`` (backward passes) of the
            attacked examples; of the broken ones ``words_changed`` and ``characters_changed`` (shares of the
            original), ``similarity`` (cosine), and for pairs the shares of ``changed_text``, ``changed_text_pair`` and
            ``changed_both``.
    """

    attacked: int
    success: Interval | None = None
    means: dict[str, Mean] = field(default_factory=dict)


def right_before(rows: pd.DataFrame) -> pd.Series:
    """Whether each example was right before the attack: it still is, or the attack tried at least one text."""
    tried = rows[["adversarial_text", "adversarial_text_pair", "broken_at"]].notna().any(axis=1)
    return rows["correct"] | tried | (rows["queries"] > 1)


def attack_costs(rows: pd.DataFrame, languages: Sequence[str], source: str) -> dict[str, Costs]:
    """The costs of one attack in each language and, under ``avg``, the mean of the target languages' means.

    Args:
        rows: the attack's rows, as :func:`~xltrobust.runs.finished.load_run` reads them. Means of columns that the run
            did not record are left out.
        languages: the languages to report; those that the attack does not cover are left out.
        source: the source language, which ``avg`` leaves out.
    """
    attacked = rows[right_before(rows)]
    broken = attacked[~attacked["correct"]]
    counts = attacked["language"].value_counts()
    there = set(rows["language"])
    languages = [name for name in languages if name in there]
    targets = [name for name in languages if name != source]
    success = _success(attacked, [name for name in targets if name in counts])
    spent, changed = _means(attacked, _SPENT), _means(broken, _CHANGED)
    sides = _means(*_one_hot(broken)) if rows["text_pair"].notna().any() else {}
    found = {
        name: Costs(
            int(counts.get(name, 0)),
            success.get(name),
            spent.get(name, {}) | changed.get(name, {}) | sides.get(name, {}),
        )
        for name in languages
    }
    if targets:
        of_targets = [found[name] for name in targets]
        found["avg"] = Costs(sum(costs.attacked for costs in of_targets), success.get("avg"), _average(of_targets))
    return found


def refusals(results: Mapping[str, Any], attack: str) -> dict[str, int]:
    """The number of sets of edits that each constraint refused during an attack, where it is not zero."""
    attacks = results.get("attacks")
    record = attacks.get(attack) if isinstance(attacks, dict) else None
    refused = record.get("refused") if isinstance(record, dict) else None
    if not isinstance(refused, dict):
        return {}
    return {str(name): number for name, number in refused.items() if isinstance(number, int) and number > 0}


def _success(attacked: pd.DataFrame, targets: Sequence[str]) -> dict[str, Interval]:
    if attacked.empty:
        return {}
    averages = {"avg": {name: 1 / len(targets) for name in targets}} if targets else {}
    return bootstrap_accuracy(~attacked["correct"], attacked["language"], attacked["group"], combinations=averages)


def _means(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Mean]]:
    """By language and name, where there is a value."""
    by_language = rows.groupby("language")[list(names)]
    means, counts = by_language.mean(), by_language.count()
    return {
        str(language): {
            name: Mean(float(value), int(number))
            for name, value, number in zip(names, means.loc[language], counts.loc[language], strict=True)
            if number
        }
        for language in means.index
    }


def _one_hot(broken: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns ``changed_{side}`` of 0 and 1, empty where it is not known which side was changed."""
    shares = {f"changed_{side}": (broken["changed"] == side).where(broken["changed"].notna()) for side in SIDES}
    return broken.assign(**{name: values.astype(float) for name, values in shares.items()}), list(shares)


def _average(by_language: Sequence[Costs]) -> dict[str, Mean]:
    found = {}
    for name in dict.fromkeys(name for costs in by_language for name in costs.means):
        means = [costs.means[name] for costs in by_language if name in costs.means]
        found[name] = Mean(float(np.mean([m.value for m in means])), sum(m.examples for m in means))
    return found
