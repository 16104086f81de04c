"""The figures of results, counted from the rows of ``predictions.parquet``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xltrobust.datamodules.base import EvaluationSet
from xltrobust.metrics.figures import adversarial_figures, clean_figures
from xltrobust.models.evaluation import WORST
from xltrobust.predictions import Row


def clean_figures_of(rows: Sequence[Row], sets: Sequence[EvaluationSet], results: dict[str, Any]) -> dict[str, float]:
    """The figures of the clean test, by split."""
    found: dict[str, float] = {}
    for split in dict.fromkeys(own.split for own in sets):
        languages = [own.name for own in sets if own.split == split]
        confusion = _confusion([row for row in rows if row["attack"] is None], split, languages, results)
        found |= clean_figures(confusion, languages, results["source"], split)
    return found


def attacked_figures_of(
    rows: Sequence[Row], sets: Sequence[EvaluationSet], results: dict[str, Any]
) -> dict[str, float]:
    """Accuracy under each attack that the rows hold, and under all of them (``worst``), by language and on average."""
    found: dict[str, float] = {}
    languages = [own.name for own in sets if own.split == "test"]
    attacked = [row for row in rows if row["attack"] is not None and row["split"] == "test"]
    names = list(dict.fromkeys(row["attack"] for row in attacked))
    for name in names:
        confusion = _confusion([row for row in attacked if row["attack"] == name], "test", languages, results)
        found |= adversarial_figures(confusion, languages, results["source"], "test", name)
    if len(names) > 1:
        confusion = _confusion(_worst(attacked), "test", languages, results)
        found |= adversarial_figures(confusion, languages, results["source"], "test", WORST)
    return found


def _worst(attacked: Sequence[Row]) -> list[Row]:
    """For each example that all attacks on its language were tried on one that broke it, if any did."""
    by_example: dict[tuple[str, str], list[Row]] = {}
    tried: dict[str, set[str]] = {}
    for row in attacked:
        by_example.setdefault((row["language"], row["id"]), []).append(row)
        tried.setdefault(row["language"], set()).add(row["attack"])
    return [
        next((row for row in own if row["prediction"] != row["label"]), own[0])
        for (language, _), own in by_example.items()
        if len(own) == len(tried[language])
    ]


def _confusion(rows: Sequence[Row], split: str, languages: Sequence[str], results: dict[str, Any]) -> Tensor:
    """Counts of shape (languages, labels, labels)."""
    places = {name: at for at, name in enumerate(languages)}
    classes = len(results["labels"])
    counts = torch.zeros(len(languages), classes, classes, dtype=torch.long)
    for row in rows:
        if row["split"] == split:
            counts[places[row["language"]], row["label"], row["prediction"]] += 1
    return counts
