"""Random search: independent random perturbations, drawn without looking at any answers."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence
from itertools import islice

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Allowed, Constraint, Outcome, Perturbation, Question, Search
from xltrobust.perturb.draws import edit_count, random_edits
from xltrobust.perturb.edits import apply_edits
from xltrobust.perturb.goal import Goal
from xltrobust.text.words import normalize

_TRIES_PER_DRAW = 10  # repeats in a row after which there are taken to be no other perturbations
_ROUNDS = 10  # of drawing replacements for what batched constraints refused


class RandomSearch(Search):
    """The worst of some random perturbations ("worst-of-k", Engstrom et al., 2019).

    Every draw makes ``max(1, round(rate * words))`` edits of the original, in different words where possible,
    independently of the other draws. The example is broken if any draw breaks it. All draws are asked about in one
    round, in large batches. As it uses neither gradients nor feedback, what it finds is noise that a user could make,
    and accuracy under it is an upper bound on accuracy under adversaries with the same rate.

    Fewer draws with the same seed are a prefix of more, so accuracy can only fall as ``draws`` grows.

    Args:
        draws: perturbed texts per example; fewer if an example has fewer distinct ones.
        rate: edits per word, counting the words (:func:`~xltrobust.text.words.count_words`) of all sides that the
            perturbation may change, in languages that it supports.

    Raises:
        ValueError: if ``draws`` is not a positive integer, or ``rate`` not a number in (0, 1].

    References:
        - Engstrom, Tran, Tsipras, Schmidt & Madry. Exploring the landscape of spatial robustness. ICML 2019.
    """

    def __init__(self, *, draws: int = 8, rate: float = 0.15) -> None:
        if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
            raise ValueError(f"Expected argument `draws` to be a positive integer, but got {draws!r}.")
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= 1:
            raise ValueError(f"Expected argument `rate` to be a number in (0, 1], but got {rate!r}.")
        self.draws = draws
        self.rate = rate

    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Asks about all draws at once; returns the first that breaks the example, or else the last one answered."""
        count = edit_count(example, perturbation, self.rate)
        drawing = _draw(example, perturbation, constraints, count, rng)
        drawn: list[Example] = []
        for _ in range(_ROUNDS):
            fresh = list(islice(drawing, self.draws - len(drawn)))
            kept = yield Allowed(example, fresh)
            drawn += [perturbed for perturbed, keep in zip(fresh, kept.tolist(), strict=True) if keep]
            if not fresh or len(drawn) == self.draws:
                break
        if not drawn:
            return None
        answers = yield drawn
        if len(answers) == 0:  # not even the first draw is within the budget
            return None
        broken = np.flatnonzero(goal.broken(answers, example))
        chosen = int(broken[0]) if len(broken) else len(answers) - 1
        return drawn[chosen], answers[chosen]


def _draw(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], count: int, rng: random.Random
) -> Iterator[Example]:
    """Distinct random perturbations until draws only repeat; edits that undo each other give the original, a repeat."""
    key_of = _texts if perturbation.invisible else _visible
    seen = {key_of(example)}
    failures = 0
    while failures < _TRIES_PER_DRAW:
        perturbed = apply_edits(example, random_edits(example, perturbation, constraints, count, rng))
        if (key := key_of(perturbed)) in seen:
            failures += 1
            continue
        failures = 0
        seen.add(key)
        yield perturbed


def _visible(example: Example) -> tuple[str, str | None]:
    return normalize(example.text), None if example.text_pair is None else normalize(example.text_pair)


def _texts(example: Example) -> tuple[str, str | None]:
    return example.text, example.text_pair
