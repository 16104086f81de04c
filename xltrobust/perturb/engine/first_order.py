"""Estimates the change of the margin by every edit of a text from one backward pass.

The idea is HotFlip's (Ebrahimi et al., 2018), extended to words of several subwords: replacing a word moves the mean of
its subword embeddings by Δ, which changes the margin by Δ·g to first order, where g is the summed gradient of the old
word's tokens.

Alone, Δ·g ranks edits poorly: its mean rank correlation with the true changes is 0.15 for synonyms and 0.11 for typing
errors (50 development sentences of the demo's task), because words are too far apart for g to keep its direction. What
does hold is that large steps at sensitive places hurt: -‖Δ‖‖g‖, the largest first-order decrease that a step of this
length could bring (0.45 and 0.53). The sum of the two (0.46 and 0.53) picks the best edit most often, and is used here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import FirstOrder, TextGradient, WhiteBoxVictim
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.goal import Goal
from xltrobust.text.words import normalize, word_parts

_SIDES = ("text", "text_pair")


def first_order_effects(questions: Sequence[FirstOrder], victim: WhiteBoxVictim, goal: Goal) -> list[np.ndarray]:
    """The estimated change of the margin by each edit of each question: Δ·g - ‖Δ‖‖g‖.

    An edit counts as a replacement of all the words that it touches, since a subword says little without the rest of
    its word: Δ is the change of their mean subword embedding, g the sum of their tokens' gradients.

    Args:
        questions: examples and their edits.
        victim: asked for one gradient per example, and for the embeddings of the new words.
        goal: the gradients are those of its margin.

    Returns:
        An array of shape (edits,) for each question; never positive, and the lower the better for the attack.
    """
    gradients = victim.gradients([question.example for question in questions], goal)
    places = [[widened(question.example, edit) for edit in question.edits] for question in questions]
    new = dict.fromkeys(word for edits in places for _, _, _, word in edits)
    vectors = dict(zip(new, victim.word_vectors(list(new)), strict=True))
    return [_effects(gradient, edits, vectors) for gradient, edits in zip(gradients, places, strict=True)]


def _effects(
    gradient: TextGradient, places: Sequence[tuple[int, int, int, str]], vectors: dict[str, np.ndarray]
) -> np.ndarray:
    known: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
    steps, slopes = [], []
    for side, start, end, word in places:
        if (side, start, end) not in known:
            inside = (gradient.sides == side) & (gradient.spans[:, 0] < end) & (start < gradient.spans[:, 1])
            if inside.any():
                old, slope = gradient.embeddings[inside].mean(axis=0), gradient.gradients[inside].sum(axis=0)
                known[side, start, end] = old, slope
            else:
                # Words inserted between others: the step starts at the origin, the slope is that of all tokens. What
                # lies beyond the maximum length is not read, so there the slope is 0.
                cut = end > start >= gradient.spans[gradient.sides == side, 1].max(initial=0)
                known[side, start, end] = 0 * gradient.embeddings[0], gradient.gradients.sum(axis=0) * (not cut)
        old, slope = known[side, start, end]
        steps.append(vectors[word] - old)
        slopes.append(slope)
    step, slope = np.array(steps), np.array(slopes)
    return (step * slope).sum(axis=1) - np.linalg.norm(step, axis=1) * np.linalg.norm(slope, axis=1)


def widened(example: Example, edit: Edit) -> tuple[int, int, int, str]:
    """The side (0 or 1), start and end of the words that an edit touches, and the text there after the edit.

    >>> widened(Example("0", "en", "turn it off", 0), Edit(6, 7, "ts"))
    (0, 5, 7, 'its')
    """
    text = getattr(example, edit.side)
    touched = [part for part in word_parts(text) if part[0] <= edit.end and edit.start <= part[1]]
    start = min([edit.start, *(first for first, _ in touched)])
    end = max([edit.end, *(last for _, last in touched)])
    old, new = text[start:end], text[start : edit.start] + edit.replacement + text[edit.end : end]
    seen = normalize(new)
    # What normalisation undoes, but for white space, is an edit of invisible characters: judge it by these.
    invisible = seen == normalize(old) and new.split() != old.split()
    return _SIDES.index(edit.side), start, end, " ".join(new.split()) if invisible else seen
