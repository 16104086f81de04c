"""The study's logistic mixed model: right ~ cell × condition, with random effects of languages, items and runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltrobust.errors import UserError
from xltrobust.statistics.counts import Counts, count_examples
from xltrobust.statistics.examples import Examples
from xltrobust.statistics.mixed_logit import MixedLogit, fit_mixed_logit
from xltrobust.statistics.run_means import Estimate


@dataclass(frozen=True)
class StudyModel:
    """The model, fitted to a study.

    Args:
        cells: whose combinations with the conditions have a mean each.
        conditions: those of the model.
        fit: the fitted model; its fixed effects are these means, the conditions of one cell after another.
    """

    cells: list[str]
    conditions: list[str]
    fit: MixedLogit

    def contrast(self, weights: Mapping[str, float], condition: str, minus: str | None = None) -> Estimate:
        """A contrast between cells under a condition, on the logit scale: its exponential is a ratio of odds.

        Args:
            weights: by cell.
            condition: one of the model's.
            minus: another condition: by how much the contrast is greater under ``condition`` than under this one.
        """
        found = np.zeros((len(self.cells), len(self.conditions)))
        for cell, weight in weights.items():
            found[self.cells.index(cell), self.conditions.index(condition)] += weight
            if minus is not None:
                found[self.cells.index(cell), self.conditions.index(minus)] -= weight
        return self.fit.contrast(found.ravel())


def fit_study_model(examples: Examples, conditions: Sequence[str], cells: Sequence[str] | None = None) -> StudyModel:
    """Fits one model to all conditions given; see :func:`fit_counts`.

    Args:
        examples: the study's examples.
        conditions: clean, attacks, ``worst``.
        cells: these cells only.

    Raises:
        UserError: if there is no such condition or cell, or a cell has one run.
    """
    return fit_counts({condition: count_examples(examples, condition, cells) for condition in conditions})


def fit_counts(counts: Mapping[str, Counts]) -> StudyModel:
    """Fits the model to counts by condition, of the same runs.

    The fixed part has a mean for each cell and condition, which holds granularity × mechanism × condition and, as a
    cell has one task, the task. Random are, each with its own variance:

    - ``language`` and ``cell:language``: languages are a sample, and an arm may suit some of them;
    - ``run``: seeds;
    - ``item`` (its group), ``item:language`` if items are shared by languages, ``cell:item``: without the last, which
      the arms' effects on single items vary by, intervals of contrasts hold for these very items only;
    - with several conditions also ``run:condition``, ``item:condition``, ``language:condition``.

    Raises:
        UserError: if a cell has one run, all its answers are right or all wrong, or conditions are of different runs.
    """
    conditions = list(counts)
    first = counts[conditions[0]]
    for condition, own in counts.items():
        if own.runs != first.runs:
            raise UserError(f"{condition} and {conditions[0]} are of different runs: model them one at a time.")
    if single := [cell for cell in first.cells if len(first.rows(cell)) < 2]:
        raise UserError(f"cell {single[0]!r} has one run: the model needs two to tell cells from runs.")
    languages = sorted({name for own in counts.values() for name in own.languages})
    groups = sorted({name for own in counts.values() for name in own.groups})
    parts = [_rows(own, at, languages, groups) for at, own in enumerate(counts.values())]
    right, of, run, group, language, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    cell = np.array([first.cells.index(name) for name, _ in first.runs])[run]
    in_language = _codes(group, language)
    terms = {"language": language, "cell:language": _codes(cell, language), "run": run, "item": group}
    if in_language.max() > group.max():
        terms["item:language"] = in_language
    terms["cell:item"] = _codes(cell, group)
    if len(conditions) > 1:
        terms |= {
            "run:condition": _codes(run, at),
            "item:condition": _codes(group, at),
            "language:condition": _codes(language, at),
        }
    terms = {name: codes for name, codes in terms.items() if codes.max() > 0}
    combination = cell * len(conditions) + at
    shares = np.bincount(combination, right) / np.bincount(combination, of)
    for (name, condition), share in zip(itertools.product(first.cells, conditions), shares, strict=True):
        if share in (0, 1):
            raise UserError(f"{name} under {condition}: all answers are {'right' if share else 'wrong'}; leave it out.")
    fitted = fit_mixed_logit(right, of, combination, terms, nested_in=group)
    return StudyModel(first.cells, conditions, fitted)


def _rows(counts: Counts, condition: int, languages: list[str], groups: list[str]) -> list[NDArray[np.intp]]:
    """Right answers, answers, and the codes of run, group, language and condition, of each run, group and language."""
    run, group, language = np.nonzero(np.broadcast_to(counts.of > 0, counts.correct.shape))
    named = {name: at for at, name in enumerate(groups)}
    group_at = np.array([named[name] for name in counts.groups])
    language_at = np.array([languages.index(name) for name in counts.languages])
    return [
        counts.correct[run, group, language],
        counts.of[group, language],
        run,
        group_at[group],
        language_at[language],
        np.full(len(run), condition),
    ]


def _codes(*parts: NDArray[np.intp]) -> NDArray[np.intp]:
    """One code from 0 for each combination of codes that occurs."""
    joint = np.ravel_multi_index(parts, [int(part.max()) + 1 for part in parts])
    seen = np.zeros(int(joint.max()) + 1, dtype=np.intp)
    seen[joint] = 1
    return (np.cumsum(seen) - 1)[joint]
