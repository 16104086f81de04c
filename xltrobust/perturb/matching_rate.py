"""How many words random views change, and the rate at which they change a given share of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.edits import touched_words
from xltrobust.perturb.random_view import RandomView
from xltrobust.seeding import derived_seed
from xltrobust.text.words import count_words_of

MEASURED = 2000  # examples, from which shares of words are estimated
_TRIED_ON = 500  # examples, with each of about twelve rates
_STEPS = 1000  # the rates that are tried are multiples of 1 / this


def evenly_spaced(examples: Sequence[Example], at_most: int = MEASURED) -> Sequence[Example]:
    """At most so many of the examples, evenly spaced."""
    return examples[:: max(1, -(-len(examples) // at_most))]


def words_changed(view: RandomView, examples: Sequence[Example], at_most: int = MEASURED) -> float:
    """The share of the examples' words that views change, measured on at most so many evenly spaced examples.

    It is counted as :class:`~xltrobust.regularizers.code_switching.CodeSwitching` counts the words that it switches:
    words of the original that an edit touches, over all words of all texts. Each example's views are drawn with a seed
    of its own, so that the same examples give the same share.
    """
    total = changed = 0
    for number, example in enumerate(evenly_spaced(examples, at_most)):
        edits = view.edits(example, random.Random(derived_seed("words_changed", number)))
        total += count_words_of(example.text, example.text_pair)
        changed += len({(edit.side, at) for edit in edits for at in touched_words(getattr(example, edit.side), edit)})
    return changed / max(total, 1)


def with_rate(view: RandomView, examples: Sequence[Example]) -> RandomView:
    """A view at the rate that changes ``words_changed`` of the examples' words; itself if it does not ask for that.

    The rate is a multiple of 0.001, found by bisection on up to 500 examples, since more edits change more words: the
    one, of the two between which the share is crossed, whose share is nearer. As a view has at least one edit, and
    edits are whole numbers, short texts allow some shares only.

    Raises:
        UserError: if the share is below that of one edit a text, or above that of as many edits as there are words (by
            more than 0.01); the message has the range.
    """
    if (target := view.words_changed) is None:
        return view

    def share(step: int) -> float:
        return words_changed(at(step), examples, _TRIED_ON)

    def at(step: int) -> RandomView:
        return replace(view, words_changed=None, rate=step / _STEPS)

    below, above = 1, _STEPS
    low, high = share(below), share(above)
    if not low - 0.01 <= target <= high + 0.01:
        raise UserError(
            f"words_changed: {type(view.perturbation).__name__} can change {low:.2f} to {high:.2f} of the words of "
            f"these training texts, but {target} was asked for."
        )
    while above - below > 1:
        middle = (below + above) // 2
        if (found := share(middle)) < target:
            below, low = middle, found
        else:
            above, high = middle, found
    return at(below if abs(low - target) <= abs(high - target) else above)
