"""Vectors of words, read from the vectors of their subword tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.text.words import word_parts

Subwords = Literal["first", "last", "mean"]


def word_vectors(hidden: Tensor, words: Tensor, subwords: Subwords) -> Tensor:
    """Contextual vectors of words, in float32, shape (W, H).

    Args:
        hidden: of the tokens, shape (B, T, H).
        words: the row of each word, its first token and the one after its last, shape (W, 3).
        subwords: which of a word's tokens stand for it.
    """
    rows, first, end = words.T
    if subwords != "mean":
        return hidden[rows, first if subwords == "first" else end - 1].float()
    places, inside = _token_places(words)
    vectors = hidden[rows[:, None], places.clamp(max=hidden.shape[1] - 1)].float()
    return (vectors * inside.unsqueeze(-1)).sum(1) / inside.sum(1, keepdim=True)


def word_tokens(text: str, offsets: np.ndarray) -> dict[int, tuple[int, int]]:
    """Which tokens each word of a text consists of: the first, and the one after the last.

    Args:
        text: its words are those of :func:`~xltrobust.text.words.word_parts`.
        offsets: where each token starts and ends in the text, shape (T, 2); special ones are empty.
    """
    starts, ends = offsets[:, 0], offsets[:, 1]
    # A token may hold a space before its word, and of its own characters at least one is the word's.
    found = {}
    for number, (start, end) in enumerate(word_parts(text)):
        inside = np.flatnonzero((starts < end) & (ends > start))
        if len(inside):
            found[number] = int(inside[0]), int(inside[-1]) + 1
    return found


def tokens_of_words(examples: Sequence[Example], tokenization: Tokenization) -> list[dict[int, tuple[int, int]]]:
    """What :func:`word_tokens` says of each text."""
    spans = tokenization.spans(examples)
    return [word_tokens(own.text, offsets) for own, (_, offsets) in zip(examples, spans, strict=True)]


def _token_places(words: Tensor) -> tuple[Tensor, Tensor]:
    """Where each word's tokens are, and which of these are its own: as many as the longest has, shape (W, longest)."""
    _, first, end = words.T
    length = int((end - first).max()) if len(words) else 0
    places = first[:, None] + torch.arange(length, device=words.device)
    return places, places < end[:, None]
