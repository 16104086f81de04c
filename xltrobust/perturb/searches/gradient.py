"""Search guided by one gradient: it tries the most promising edits together, and then word by word."""

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
    """Scores all edits of all words with one backward pass, and asks about a few of them.

    The scores are those of :mod:`~xltrobust.perturb.engine.first_order`. The first text that it asks about has the best
    edit of every word, starting with the most promising word, as far as constraints allow them together. If that does
    not break the example, words are changed one by one as in
    :class:`~xltrobust.perturb.searches.greedy.GreedySearch`, trying the best ``candidates_per_word`` edits of each.

    It breaks as many examples as greedy search by deletion with less than half of the forward and backward passes. But
    it needs a white-box victim, and may change more of a text than necessary; use constraints to bound that.

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
        """Asks for the gradient, then about all words changed at once, and then about the edits of each word."""
        best = Best(example, goal)
        edits = allowed_edits(example, perturbation, constraints, rng)
        if not edits:
            return best.result()
        margin = goal.margin((yield [example]), example)[0]
        places = yield from rank_by_gradient(example, by_place(example, edits))
        together: tuple[Edit, ...] = ()
        for word_edits in places:
            together = next(iter(extensions(example, together, word_edits[:1], constraints)), together)
        if len(together) > 1:  # a single edit is tried below, with the others of its word
            tried = yield from passing(example, [together])
            best.take(tried, (yield [apply_edits(example, chosen) for chosen in tried]))
        if not best.broken:
            yield from change_word_by_word(example, places, constraints, best, margin, self.candidates_per_word)
        return best.result()
