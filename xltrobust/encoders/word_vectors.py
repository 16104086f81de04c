"""Contextual vectors of words, from the vectors of their subword tokens."""

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
        hidden: vectors of the tokens, shape (B, T, H).
        words: shape (W, 3): the row in the batch of each word, its first token, and the token after its last.
        subwords: whether the first or the last token stands for a word, or the mean of all its tokens.
    """
    rows, first, end = words.T
    if subwords != "mean":
        return hidden[rows, first if subwords == "first" else end - 1].float()
    places, inside = _token_places(words)
    vectors = hidden[rows[:, None], places.clamp(max=hidden.shape[1] - 1)].float()
    return (vectors * inside.unsqueeze(-1)).sum(1) / inside.sum(1, keepdim=True)


def word_tokens(text: str, offsets: np.ndarray) -> dict[int, tuple[int, int]]:
    """The tokens of each word of a text: by the word's number, its first token and the one after its last.

    Words without a token, as in truncated texts, are left out.

    Args:
        text: its words are those of :func:`~xltrobust.text.words.word_parts`.
        offsets: start and end of each token in the text, shape (T, 2); those of special tokens are equal.
    """
    starts, ends = offsets[:, 0], offsets[:, 1]
    # A token belongs to a word if it holds at least one of its characters; it may hold the space before it too.
    tokens = {}
    for number, (start, end) in enumerate(word_parts(text)):
        inside = np.flatnonzero((starts < end) & (ends > start))
        if len(inside):
            tokens[number] = int(inside[0]), int(inside[-1]) + 1
    return tokens


def tokens_of_words(examples: Sequence[Example], tokenization: Tokenization) -> list[dict[int, tuple[int, int]]]:
    """The :func:`word_tokens` of the ``text`` of each example."""
    spans = tokenization.spans(examples)
    return [word_tokens(example.text, offsets) for example, (_, offsets) in zip(examples, spans, strict=True)]


def _token_places(words: Tensor) -> tuple[Tensor, Tensor]:
    """The positions of each word's tokens, padded to the longest word, and a mask; both of shape (W, longest)."""
    _, first, end = words.T
    length = int((end - first).max()) if len(words) else 0
    places = first[:, None] + torch.arange(length, device=words.device)
    return places, places < end[:, None]
