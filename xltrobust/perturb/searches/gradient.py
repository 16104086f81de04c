"""Search guided by one gradient: what it takes for the best is tried at once, and then word by word."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Outcome, Perturbation, Question, Search
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.goal import Goal
from xltrobust.perturb.searches.guided import (
    Best,
    allowed_edits,
    by_place,
    change_word_by_word,
    extensions,
    passing,
    rank_by_gradient,
)


class GradientSearch(Search):
    """Scores all edits of all words with one backward pass, and asks about few of them.

    The scores are those of :mod:`~xltrobust.perturb.engine.first_order`. The first text asked about has the best edit
    of every word, from the most promising on, as far as constraints allow them together. If it does not break the
    example, words are changed one by one as in :class:`~xltrobust.perturb.searches.greedy.GreedySearch`, with the best
    ``candidates_per_word`` edits of each.

    It finds what greedy search by deletion finds for less than half of its passes; in turn it needs a white-box victim,
    and its texts may be changed more than they had to be: bound that with constraints.

    Args:
        candidates_per_word: how many edits of a word are tried.

    Raises:
        ValueError: if ``candidates_per_word`` is not a positive integer.

    References:
        - Ebrahimi, Rao, Lowd & Dou. HotFlip: white-box adversarial examples for text classification. ACL 2018.
    """

    def __init__(self, *, candidates_per_word: int = 3) -> None:
        if not isinstance(candidates_per_word, int) or isinstance(candidates_per_word, bool) or candidates_per_word < 1:
            raise ValueError(
                f"Expected argument `candidates_per_word` to be a positive integer, but got {candidates_per_word!r}."
            )
        self.candidates_per_word = candidates_per_word

    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Asks for the gradient, about all words changed at once, and then about some edits of a word at a time."""
        best = Best(example, goal)
        edits = allowed_edits(example, perturbation, constraints, rng)
        if not edits:
            return best.result()
        margin = goal.margin((yield [example]), example)[0]
        places = yield from rank_by_gradient(example, by_place(example, edits))
        together: tuple[Edit, ...] = ()
        for own in places:
            together = next(iter(extensions(example, together, own[:1], constraints)), together)
        if len(together) > 1:  # by itself the best edit is tried with the first word's others
            tried = yield from passing(example, [together])
            best.take(tried, (yield [apply_edits(example, own) for own in tried]))
        if not best.broken:
            yield from change_word_by_word(example, places, constraints, best, margin, self.candidates_per_word)
        return best.result()
