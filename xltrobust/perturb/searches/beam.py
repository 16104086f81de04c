"""Beam search: each round tries every way to extend the best sets of edits so far."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Outcome, Perturbation, Question, Search
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.goal import Goal
from xltrobust.perturb.searches.guided import Best, allowed_edits, extensions, passing


class BeamSearch(Search):
    """Keeps the ``width`` best sets of edits; each round asks about every set with one edit more.

    A set is kept only if its margin is smaller than that of the set it extends. The search ends with the first round in
    which a text breaks the example (of several, the one with the smallest edit distance), or in which no set is kept.
    Each round adds one edit, and costs ``width`` queries for each possible edit: thousands for long texts, unless
    constraints or a budget bound them.

    Edits are tried in random order, so that no part of the text is favoured if the budget cuts a round short.

    Args:
        width: how many sets of edits are kept.

    Raises:
        ValueError: if ``width`` is not a positive integer.

    References:
        - Ebrahimi, Rao, Lowd & Dou. HotFlip: white-box adversarial examples for text classification. ACL 2018. (Their
          beam search, here without gradients.)
    """

    def __init__(self, *, width: int = 4) -> None:
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:
            raise ValueError(f"Expected argument `width` to be a positive integer, but got {width!r}.")
        self.width = width

    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Asks about the original again (which is free) in the first round; returns the best text."""
        best = Best(example, goal)
        edits = allowed_edits(example, perturbation, constraints, rng)
        rng.shuffle(edits)
        beam: list[tuple[tuple[Edit, ...], float]] = [((), np.inf)]
        while True:
            # From each set of edits to the margin that it has to beat: that of the set it extends. A set can be reached
            # in several ways; the best set that it extends comes first in the beam.
            bounds: dict[tuple[Edit, ...], float] = {}
            for chosen, margin in beam:
                for extended in extensions(example, chosen, edits, constraints):
                    bounds.setdefault(extended, margin)
            tried = yield from passing(example, list(bounds))
            if not tried:
                return best.result()
            first_round = beam[0][0] == ()
            answers = yield [example] * first_round + [apply_edits(example, extended) for extended in tried]
            if first_round:
                bounds = dict.fromkeys(bounds, goal.margin(answers[:1], example)[0])
                answers = answers[1:]
            found = best.take(tried, answers)
            if best.broken or len(answers) < len(tried):
                return best.result()
            order = [at for at in np.argsort(found, kind="stable") if found[at] < bounds[tried[at]]]
            beam = [(tried[at], found[at]) for at in order[: self.width]]


class GreedyEverything(BeamSearch):
    """Each round makes the edit, of all possible ones, that lowers the margin most: a beam of width 1.

    This is the search of Pruthi et al. (2019), who make one or two edits; use constraints to bound them. It takes far
    more queries than :class:`~xltrobust.perturb.searches.greedy.GreedySearch`, which is the better choice where queries
    are limited.

    References:
        - Pruthi, Dhingra & Lipton. Combating adversarial misspellings with robust word recognition. ACL 2019.
    """

    def __init__(self) -> None:
        super().__init__(width=1)
