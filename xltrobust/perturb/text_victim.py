"""Makes a victim of any function from texts to logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xltrobust.example import Example


class TextVictim:
    """A classifier of whole texts, given as a function that returns logits or probabilities in the order of the labels.

    Args:
        classify: takes a list of N texts (N pairs (text, text_pair) where examples are pairs) and returns an array of
            shape (N, C), or what NumPy can turn into one. It is called with texts of similar length.
        batch_size: the most texts in one call.

    Raises:
        ValueError: if ``batch_size`` is not positive or, when called, if ``classify`` returns another shape.

    >>> from xltrobust.perturb import RandomSearch, TypoPerturbation, attack
    >>> victim = TextVictim(lambda texts: [["hot" in text, "cold" in text] for text in texts])
    >>> example = Example("0", "en", "a hot day", 0)
    >>> attack([example], victim, perturbation=TypoPerturbation(), search=RandomSearch(draws=20))[0].queries
    21
    """

    def __init__(self, classify: Callable[[list[Any]], Any], *, batch_size: int = 256) -> None:
        if batch_size < 1:
            raise ValueError(f"Expected argument `batch_size` to be at least 1, but got {batch_size}.")
        self.classify, self.batch_size = classify, batch_size

    def __call__(self, examples: Sequence[Example]) -> np.ndarray:
        """The answers to N examples, shape (N, C)."""
        order = sorted(range(len(examples)), key=lambda at: -len(examples[at].text) - len(examples[at].text_pair or ""))
        answers: dict[int, np.ndarray] = {}
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            texts = [
                example.text if example.text_pair is None else (example.text, example.text_pair)
                for example in (examples[at] for at in places)
            ]
            given = np.asarray(self.classify(texts), dtype=float)
            if given.ndim != 2 or len(given) != len(places):
                raise ValueError(
                    f"Expected the classifier's answer to have shape ({len(places)}, classes), but got {given.shape}."
                )
            answers.update(zip(places, given, strict=True))
        return np.stack([answers[at] for at in range(len(examples))])
