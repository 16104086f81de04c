"""Batches of similar length, padded to a grid, so that an example's result does not depend on its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

PAD_GRID = 8


def padded_length(length: int, max_length: int | None = None) -> int:
    """The length that a text is padded to in evaluation: the next multiple of eight, at most ``max_length``.

    It depends on the text alone. Padding changes the last digits of logits, and batch size does not; so a prediction
    depends neither on the batch it was made in nor on the number of devices.

    >>> padded_length(3), padded_length(8), padded_length(9), padded_length(127, 127)
    (8, 8, 16, 127)
    """
    padded = -(-length // PAD_GRID) * PAD_GRID
    return padded if max_length is None else min(padded, max_length)


def length_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Batches for evaluation: each holds texts of one padded length, with at most ``max_tokens`` tokens in all.

    Args:
        lengths: number of tokens of each text, shape (N,).
        max_tokens: bound on batch size times padded length; a text longer than this is a batch by itself.

    Returns:
        Lists of indices, longest texts first, so that a lack of memory shows at once; ties are broken by index.

    >>> length_batches([5, 30, 6, 7], max_tokens=16)
    [[1], [0, 2], [3]]
    """
    order = sorted(range(len(lengths)), key=lambda i: (-padded_length(lengths[i]), i))
    batches: list[list[int]] = []
    for index in order:
        padded = padded_length(lengths[index])
        last = batches[-1] if batches else None
        if last and padded_length(lengths[last[0]]) == padded and (len(last) + 1) * padded <= max_tokens:
            last.append(index)
        else:
            batches.append([index])
    return batches
