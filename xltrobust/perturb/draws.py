"""Random sets of compatible edits of one example."""

from __future__ import annotations

import random
from collections.abc import Sequence

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Perturbation
from xltrobust.perturb.edits import Edit, overlaps_any
from xltrobust.text.words import count_words_of, word_span

_TRIES_IN_NEW_WORD = 30  # clashing draws per edit wanted; enough to find the last unchanged short word of a long text
_TRIES = 40  # clashing draws per edit wanted; also refused draws in all, before there is an edit
_MORE_TRIES = 10  # refused draws in all once there is an edit: often constraints allow no more


def edit_count(example: Example, perturbation: Perturbation, rate: float) -> int:
    """How many edits make ``rate`` per word, at least one, counting only words that the perturbation may change."""
    sides = [side for side in perturbation.sides if perturbation.supports(example.side_language(side))]
    words = count_words_of(*(getattr(example, side) for side in sides))
    return max(1, round(rate * words))


def random_edits(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], count: int, rng: random.Random
) -> list[Edit]:
    """Random edits that do not overlap, are in different words if possible, and are allowed together.

    Args:
        example: the original.
        perturbation: proposes the edits, one by one.
        constraints: have to allow each edit together with those drawn before it.
        count: how many edits to draw.
        rng: the only source of randomness.

    Returns:
        ``count`` edits, or fewer if a limited number of draws finds no more.
    """
    chosen: list[Edit] = []
    clashes = refusals = 0
    while len(chosen) < count and clashes < _TRIES * count and refusals < (_MORE_TRIES if chosen else _TRIES):
        edit = perturbation.sample(example, rng)
        if edit is None:
            break
        if _clashes(example, edit, chosen, in_word=clashes < _TRIES_IN_NEW_WORD * count):
            clashes += 1
        elif all(constraint.allows(example, [*chosen, edit]) for constraint in constraints):
            chosen.append(edit)
        else:
            refusals += 1
    return chosen


def _clashes(example: Example, edit: Edit, chosen: Sequence[Edit], in_word: bool) -> bool:
    """Whether an edit overlaps a chosen one or, with ``in_word``, is in the same word (unspaced: next to it)."""
    if not in_word:
        return overlaps_any(edit, chosen)
    others = [other for other in chosen if other.side == edit.side]
    start, end = word_span(getattr(example, edit.side), edit.start, edit.end)
    return any(start <= other.end and other.start <= end for other in others)
