"""What edits would do to the margin, to first order: all edits of a text from one backward pass.

The idea is HotFlip's (Ebrahimi et al., 2018), for words of any number of subwords: putting one word for another moves
the mean of its subword embeddings by Δ, and the gradients g of the old word's tokens tell what that does: Δ·g.

Taken alone, that ranks edits poorly (of 50 development sentences of the demo's task, mean rank correlation with the
true changes 0.15 for synonyms, 0.11 for typing errors): words lie too far apart for the direction of g to hold all the
way. What holds is that far steps at sensitive places hurt: -‖Δ‖‖g‖, the most that the step could do to first order
(0.45 and 0.53). Their sum (0.46 and 0.53) picks the best edits most often, and is what is used.
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
    """How much each edit of each question is expected to lower the margin: Δ·g - ‖Δ‖‖g‖.

    An edit is taken for an exchange of all the words that it touches, for a subword tells little without the rest of
    its word: Δ is the change of their mean subword embedding, g the sum of their tokens' gradients.

    Args:
        questions: examples and their edits.
        victim: asked for one gradient an example, and for the embeddings of the new words.
        goal: of whose margin the gradients are.

    Returns:
        An array of shape (edits,) for each question; never positive, and the lower the better for the attack.
    """
    gradients = victim.gradients([question.example for question in questions], goal)
    places = [[widened(question.example, edit) for edit in question.edits] for question in questions]
    new = dict.fromkeys(word for own in places for _, _, _, word in own)
    vectors = dict(zip(new, victim.word_vectors(list(new)), strict=True))
    return [_effects(gradient, own, vectors) for gradient, own in zip(gradients, places, strict=True)]


def _effects(
    gradient: TextGradient, places: Sequence[tuple[int, int, int, str]], vectors: dict[str, np.ndarray]
) -> np.ndarray:
    known: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
    steps, slopes = [], []
    for side, start, end, word in places:
        if (side, start, end) not in known:
            own = (gradient.sides == side) & (gradient.spans[:, 0] < end) & (start < gradient.spans[:, 1])
            if own.any():
                known[side, start, end] = gradient.embeddings[own].mean(axis=0), gradient.gradients[own].sum(axis=0)
            else:
                # Where words are put between others the step is from the origin, the slope that of all. What lies
                # beyond the maximum length is not read.
                cut = end > start >= gradient.spans[gradient.sides == side, 1].max(initial=0)
                known[side, start, end] = 0 * gradient.embeddings[0], gradient.gradients.sum(axis=0) * (not cut)
        before, slope = known[side, start, end]
        steps.append(vectors[word] - before)
        slopes.append(slope)
    step, slope = np.array(steps), np.array(slopes)
    return (step * slope).sum(axis=1) - np.linalg.norm(step, axis=1) * np.linalg.norm(slope, axis=1)


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
