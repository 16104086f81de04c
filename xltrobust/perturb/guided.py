"""What searches that learn from answers share: single edits that are allowed, how near a text is to breaking, the best.

How near is the margin: the true class's logit (or probability) minus the best other one, negative where the answer is
wrong. Unlike the true class's probability alone, it needs no softmax, and tells apart texts answered with certainty.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Allowed, Constraint, Edit, Perturbation, apply_edits
from xltrobust.perturb.constraints import total_distance
from xltrobust.perturb.edits import overlaps_any


def allowed(example: Example, edits: Sequence[Edit], constraints: Sequence[Constraint]) -> bool:
    """Whether every constraint allows the edits; the first that does not is the only one to count it."""
    return all(constraint.allows(example, edits) for constraint in constraints)


def allowed_edits(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], rng: random.Random
) -> list[Edit]:
    """The perturbation's candidates that may be made by themselves, each once."""
    candidates = dict.fromkeys(perturbation.candidates(example, rng))
    return [edit for edit in candidates if allowed(example, [edit], constraints)]


def extensions(
    example: Example, chosen: Sequence[Edit], edits: Sequence[Edit], constraints: Sequence[Constraint]
) -> list[tuple[Edit, ...]]:
    """The chosen edits with one more, wherever that is possible and allowed; each in the order of the text."""
    return [
        tuple(sorted([*chosen, edit]))
        for edit in edits
        if not overlaps_any(edit, chosen) and (not chosen or allowed(example, [*chosen, edit], constraints))
    ]


def passing(
    example: Example, tried: Sequence[tuple[Edit, ...]]
) -> Generator[Allowed, np.ndarray, list[tuple[Edit, ...]]]:
    """Those sets of edits that the batched constraints allow; to be used with ``yield from``."""
    kept = yield Allowed(example, [apply_edits(example, own) for own in tried])
    return [own for own, keep in zip(tried, kept.tolist(), strict=True) if keep]


def margins(answers: np.ndarray, label: int) -> np.ndarray:
    """How far the true class is ahead of the best other one.

    Args:
        answers: (n, C) logits or probabilities.
        label: the true class.

    Returns:
        (n,) differences.

    >>> margins(np.array([[3, 1, 2], [0, 1, 2]]), 0)
    array([ 1, -2])
    """
    return answers[:, label] - np.delete(answers, label, axis=1).max(axis=1)


class Best:
    """The best perturbed text so far: the first misclassified, or else the one with the smallest margin.

    Of the misclassified texts of one round, the best is that with the smallest edit distance, then the first.
    """

    def __init__(self, example: Example) -> None:
        self.example = example
        self.broken = False
        self._found: tuple[Example | None, int] = None, example.label
        self._margin = np.inf

    def take(self, tried: Sequence[tuple[Edit, ...]], answers: np.ndarray) -> np.ndarray:
        """Look at the answers to a round.

        Args:
            tried: what was asked about, as edits of the example; only the first n were answered.
            answers: (n, C).

        Returns:
            Their margins (n,).
        """
        found = margins(answers, self.example.label)
        predictions = answers.argmax(axis=1)
        wrong = np.flatnonzero(predictions != self.example.label)
        self.broken = len(wrong) > 0
        if self.broken:
            self._keep(tried, predictions, min(wrong.tolist(), key=lambda at: total_distance(self.example, tried[at])))
        elif len(found) and found.min() < self._margin:
            self._margin = found.min()
            self._keep(tried, predictions, int(found.argmin()))
        return found

    def result(self) -> tuple[Example | None, int]:
        """The text and the class that the victim gives it; None and the label if none was tried."""
        return self._found

    def _keep(self, tried: Sequence[tuple[Edit, ...]], predictions: np.ndarray, at: int) -> None:
        self._found = apply_edits(self.example, tried[at]), int(predictions[at])
