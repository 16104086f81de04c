"""What edits would do to the margin, to first order: all edits of a text from one backward pass.

The idea is HotFlip's (Ebrahimi et al., 2018), for words of any number of subwords: putting one word for another moves
the mean of its subword embeddings, and the gradients of the old word's tokens tell what that does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Edit, FirstOrder, TextGradient, WhiteBoxVictim
from xltrobust.perturb.words import normalize, word_parts

_SIDES = ("text", "text_pair")


def first_order_effects(questions: Sequence[FirstOrder], victim: WhiteBoxVictim) -> list[np.ndarray]:
    """The predicted change of the margin for each edit of each question.

    An edit is taken for an exchange of all the words that it touches, for a subword tells little without the rest of
    its word: the change of their mean subword embedding, times the sum of their tokens' gradients.

    Args:
        questions: examples and their edits.
        victim: asked for one gradient an example, and for the embeddings of the new words.

    Returns:
        An array of shape (edits,) for each question; negative where the edit lowers the margin.
    """
    gradients = victim.gradients([question.example for question in questions])
    places = [[widened(question.example, edit) for edit in question.edits] for question in questions]
    new = dict.fromkeys(word for own in places for _, _, _, word in own)
    vectors = dict(zip(new, victim.word_vectors(list(new)), strict=True))
    return [_effects(gradient, own, vectors) for gradient, own in zip(gradients, places, strict=True)]


def _effects(
    gradient: TextGradient, places: Sequence[tuple[int, int, int, str]], vectors: dict[str, np.ndarray]
) -> np.ndarray:
    known: dict[tuple[int, int, int], tuple[np.ndarray, float]] = {}
    effects = np.empty(len(places))
    for at, (side, start, end, word) in enumerate(places):
        if (side, start, end) not in known:
            own = (gradient.sides == side) & (gradient.spans[:, 0] < end) & (start < gradient.spans[:, 1])
            slope = gradient.gradients[own].sum(axis=0)
            # Nothing there (an insertion between words): the new word comes for nothing.
            before = gradient.embeddings[own].mean(axis=0) @ slope if own.any() else 0.0
            known[side, start, end] = slope, float(before)
        slope, before = known[side, start, end]
        effects[at] = vectors[word] @ slope - before
    return effects


def widened(example: Example, edit: Edit) -> tuple[int, int, int, str]:
    """The side (0 or 1), start and end of the words that an edit touches, and what stands there after it.

    >>> widened(Example("0", "en", "turn it off", 0), Edit(6, 7, "ts"))
    (0, 5, 7, 'its')
    """
    text = getattr(example, edit.side)
    touched = [part for part in word_parts(text) if part[0] <= edit.end and edit.start <= part[1]]
    start = min([edit.start, *(first for first, _ in touched)])
    end = max([edit.end, *(last for _, last in touched)])
    changed = text[start : edit.start] + edit.replacement + text[edit.end : end]
    return _SIDES.index(edit.side), start, end, normalize(changed)
