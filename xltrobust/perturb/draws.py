"""Random sets of edits of one example that can be made together."""

from __future__ import annotations

import random
from collections.abc import Sequence

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Perturbation
from xltrobust.perturb.edits import Edit, overlaps_any
from xltrobust.text.words import count_words, word_span

_TRIES_IN_OWN_WORD = 30  # for each edit wanted; enough to find the last short word of a long text
_TRIES = 40  # for each edit wanted; refused ones, before there is one
_MORE_TRIES = 10  # refused ones after that: often constraints allow no more


def edit_count(example: Example, perturbation: Perturbation, rate: float) -> int:
    """``rate`` edits per word, at least one, of the words that the perturbation may change."""
    sides = [side for side in perturbation.sides if perturbation.supports(example.side_language(side))]
    words = sum(count_words(getattr(example, side) or "") for side in sides)
    return max(1, round(rate * words))


def random_edits(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], count: int, rng: random.Random
) -> list[Edit]:
    """Random edits that can be made together: apart from each other, in different words if possible, and allowed.

    Args:
        example: the original.
        perturbation: proposes the edits, one by one.
        constraints: each has to allow every edit together with those before it.
        count: how many edits.
        rng: the only source of randomness.

    Returns:
        ``count`` edits, or fewer if a bounded number of tries finds no more.
    """
    chosen: list[Edit] = []
    clashes = refusals = 0
    while len(chosen) < count and clashes < _TRIES * count and refusals < (_MORE_TRIES if chosen else _TRIES):
        edit = perturbation.sample(example, rng)
        if edit is None:
            break
        if _clashes(example, edit, chosen, in_word=clashes < _TRIES_IN_OWN_WORD * count):
            clashes += 1
        elif all(constraint.allows(example, [*chosen, edit]) for constraint in constraints):
            chosen.append(edit)
        else:
            refusals += 1
    return chosen


def _clashes(example: Example, edit: Edit, chosen: Sequence[Edit], in_word: bool) -> bool:
    """Whether an edit overlaps a chosen one or, if asked, is in its word (touches it, where words are not spaced)."""
    if not in_word:
        return overlaps_any(edit, chosen)
    others = [other for other in chosen if other.side == edit.side]
    start, end = word_span(getattr(example, edit.side), edit.start, edit.end)
    return any(start <= other.end and other.start <= end for other in others)
