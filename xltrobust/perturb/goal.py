"""What an attack wants: which answers count as broken, and how far an answer is from it."""

from __future__ import annotations

import numpy as np


def margins(answers: np.ndarray, label: int) -> np.ndarray:
    """How far the true class is ahead of the best other one.

    Args:
        answers: (n, C) logits or probabilities.
        label: the true class.

    Returns:
        (n,) differences.

    >>> margins(np.array([[3, 1, 2], [0, 1, 2]]), 0)
    array([ 1, -2])
    """
    return answers[:, label] - np.delete(answers, label, axis=1).max(axis=1)
