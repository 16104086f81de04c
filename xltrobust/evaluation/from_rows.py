"""The figures of results, counted from the rows of ``predictions.parquet``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xltrobust.evaluation.predictions import Row
from xltrobust.example import EvaluationSet
from xltrobust.metrics.coverage import WORST, robust_answers, robust_name, worst_answers
from xltrobust.metrics.figures import adversarial_figures, clean_figures

_Place = tuple[str, str]  # language and id


def clean_figures_of(rows: Sequence[Row], sets: Sequence[EvaluationSet], results: dict[str, Any]) -> dict[str, float]:
    """The figures of the clean test.

    Args:
        rows: of ``predictions.parquet``.
        sets: the test sets.
        results: ``results.json``, or its ``labels`` and ``source``.
    """
    found: dict[str, float] = {}
    for split in dict.fromkeys(evaluation_set.split for evaluation_set in sets):
        languages = [evaluation_set.name for evaluation_set in sets if evaluation_set.split == split]
        clean = {(row["language"], row["id"]): row for row in rows if row["attack"] is None and row["split"] == split}
        answers, labels = ({place: row[name] for place, row in clean.items()} for name in ("prediction", "label"))
        confusion = _counts(answers, labels, languages, results)
        found |= clean_figures(confusion, languages, results["source"], split)
    return found


def attacked_figures_of(
    rows: Sequence[Row], sets: Sequence[EvaluationSet], results: dict[str, Any]
) -> dict[str, float]:
    """Accuracy on the test split under each attack, under all of them (``worst``) and under those of a suite
    (``robust``), and clean accuracy on the same examples, named as
    :func:`~xltrobust.metrics.figures.adversarial_figures` does.
    """
    languages = [evaluation_set.name for evaluation_set in sets if evaluation_set.split == "test"]
    labels: dict[_Place, int] = {}
    clean: dict[_Place, int] = {}
    answers: dict[str, dict[_Place, int]] = {}
    for row in rows:
        if row["split"] == "test":
            given = clean if row["attack"] is None else answers.setdefault(row["attack"], {})
            place = row["language"], row["id"]
            given[place], labels[place] = row["prediction"], row["label"]
    together = {}
    for suite_name, suite in (results.get("suites") or {}).items():
        name, by_attack = robust_name(suite_name), robust_answers(answers, suite, labels.__getitem__)
        if name in answers:  # some examples were only tried until an attack broke them
            answers[name] |= by_attack
        else:
            together[name] = by_attack
    if len(answers) > 1:
        together[WORST] = worst_answers(answers, labels.__getitem__)
    answers |= {name: given for name, given in together.items() if given or name == WORST}
    attacked = {attack: _counts(given, labels, languages, results) for attack, given in answers.items()}
    before = {
        attack: _counts({place: clean[place] for place in given if place in clean}, labels, languages, results)
        for attack, given in answers.items()
    }
    return adversarial_figures(attacked, before, languages, results["source"], "test")


def renewed_figures(
    figures: dict[str, float], rows: Sequence[Row], sets: Sequence[EvaluationSet], results: dict[str, Any]
) -> dict[str, float]:
    """A run's figures, with its attacks counted again: another attack can change ``worst`` and its averages."""
    kept = {
        name: value for name, value in figures.items() if not name.startswith(("test/adv_acc/", "test/acc_attacked/"))
    }
    return kept | attacked_figures_of(rows, sets, results)


def _counts(
    answers: Mapping[_Place, int], labels: Mapping[_Place, int], languages: Sequence[str], results: dict[str, Any]
) -> Tensor:
    """Counts of shape (languages, labels, labels); of an example with several labels, each counts."""
    at = {name: position for position, name in enumerate(languages)}
    classes = len(results["labels"])
    counts = torch.zeros(len(languages), classes, classes, dtype=torch.long)
    for place, answer in answers.items():
        for label, given in zip(np.atleast_1d(labels[place]), np.atleast_1d(answer), strict=True):
            counts[at[place[0]], label, given] += 1
    return counts
