"""Tries the adversarial texts found against one model on another, to measure whether they transfer."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence

import numpy as np

from xltrobust.example import Example, Language, Side
from xltrobust.perturb.base import Constraint, Outcome, Perturbation, Question, Search
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.goal import Goal

Texts = tuple[str, str | None]


class Replay(Perturbation, Search):
    """Replaces examples by the adversarial texts of an earlier attack; both perturbation and search of a recipe.

    Args:
        texts: the adversarial text and text pair of each example, by language and id; examples that are missing are not
            changed.
        run: the run they were found against, for ``results.json``.
        attack: the attack that found them, for ``results.json``.

    References:
        - Papernot, McDaniel & Goodfellow. Transferability in machine learning: from phenomena to black-box attacks
          using adversarial samples. 2016.
    """

    def __init__(
        self, texts: Mapping[tuple[Language, str], Texts], *, run: str | None = None, attack: str | None = None
    ) -> None:
        self._texts = texts

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """For each side whose text differs, one edit that replaces all of it."""
        found = self._texts.get((example.language, example.id))
        sides: tuple[Side, ...] = ("text", "text_pair")
        edits = []
        for side, new in zip(sides, found or (), strict=False):
            old = getattr(example, side)
            if old is not None and new is not None and old != new:
                edits.append(Edit(0, len(old), new, side))
        return edits

    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Asks about the one text, without asking constraints again."""
        edits = self.candidates(example, rng)
        if not edits:
            return None
        changed = apply_edits(example, edits)
        answers = yield [changed]
        return (changed, answers[0]) if len(answers) else None
