"""Constraints on how much of a text may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xltrobust.checks import checked_share
from xltrobust.example import Example, Side
from xltrobust.perturb.base import Constraint
from xltrobust.perturb.edits import Edit, edit_distance, total_distance, touched_words
from xltrobust.text.words import split_clusters, word_parts

_ROUNDING = 1e-9  # in floating point, 0.29 * 100 is less than 29


class MaxWordsChanged(Constraint):
    """Allows at most a share of the words of each text to change, and always at least one.

    The texts of a pair are counted separately, so the changes allowed in one do not depend on whether the other may
    change. Edits of punctuation between words do not count.

    Args:
        share: the largest share of the original text's words that may change, in (0, 1].

    Raises:
        ValueError: if ``share`` is not a number in (0, 1].

    >>> MaxWordsChanged(share=0.4).allows(Example("0", "en", "turn it off", 0), [Edit(0, 1, "b"), Edit(5, 6, "o")])
    False
    """

    def __init__(self, *, share: float) -> None:
        self.share = checked_share(share)

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        def changed(text: str, text_edits: list[Edit]) -> int:
            return len({index for edit in text_edits for index in touched_words(text, edit)})

        return _within_share(example, edits, self.share, changed, lambda text: len(word_parts(text)))


class MaxCharactersChanged(Constraint):
    """Allows at most a share of the characters of each text to change, and always at least one.

    A character is a grapheme cluster; white space counts. Changes are counted as in :class:`MaxEditDistance`.

    Args:
        share: the largest share of the original text's characters that may change, in (0, 1].

    Raises:
        ValueError: if ``share`` is not a number in (0, 1].
    """

    def __init__(self, *, share: float) -> None:
        self.share = checked_share(share)

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        return _within_share(example, edits, self.share, edit_distance, lambda text: len(split_clusters(text)))


class MaxEditDistance(Constraint):
    """Bounds the edit distance, summed over the texts of a pair.

    The distance is the sum, over edits, of the Levenshtein distance in grapheme clusters between the replaced text and
    its replacement. It is at least the Levenshtein distance between the whole texts, and larger only where edits partly
    undo each other. Unlike that, it never gets smaller when an edit is added.

    Args:
        distance: the largest distance allowed; swapping two adjacent characters costs 2.

    Raises:
        ValueError: if ``distance`` is not a positive integer.
    """

    def __init__(self, *, distance: int) -> None:
        if not isinstance(distance, int) or isinstance(distance, bool) or distance < 1:
            raise ValueError(f"Expected argument `distance` to be a positive integer, but got {distance!r}.")
        self.distance = distance

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        return total_distance(example, edits) <= self.distance


class NoRepeatedModification(Constraint):
    """Allows no two edits to touch the same word (:func:`~xltrobust.text.words.word_parts`).

    Edits of punctuation or white space that leave all words intact do not count.
    """

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        touched = [(edit.side, index) for edit in edits for index in touched_words(getattr(example, edit.side), edit)]
        return len(set(touched)) == len(touched)


def _within_share(
    example: Example,
    edits: Sequence[Edit],
    share: float,
    changed: Callable[[str, list[Edit]], int],
    total: Callable[[str], int],
) -> bool:
    """Whether at most a share of each text's units is changed, or only one."""
    sides: set[Side] = {edit.side for edit in edits}
    for side in sides:
        text = getattr(example, side)
        if changed(text, [edit for edit in edits if edit.side == side]) > max(1, share * total(text) + _ROUNDING):
            return False
    return True
