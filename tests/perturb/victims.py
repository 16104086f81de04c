"""Victims and perturbations for which the best attack can be worked out by hand."""

import zlib

import numpy as np

from xltrobust.perturb.base import Allowed, Perturbation
from xltrobust.perturb.edits import Edit
from xltrobust.text.words import word_span


def first_texts(run):
    """The first texts that a search asks about; constraints allow everything."""
    question = next(run)
    while isinstance(question, Allowed):
        question = run.send(np.ones(len(question.perturbed), bool))
    return question


class BagOfWords:
    """Two classes, linear in the words of both texts; records everything that it is asked.

    The logit of class 0 is the sum of the words' weights, that of class 1 is 0.
    """

    def __init__(self, weights, *, probabilities=False):
        self.weights = weights
        self.probabilities = probabilities
        self.asked = []

    def __call__(self, examples):
        self.asked.extend(examples)
        scores = [
            sum(self.weights.get(word, 0.0) for word in f"{example.text} {example.text_pair or ''}".split())
            for example in examples
        ]
        logits = np.array([[score, 0.0] for score in scores])
        if not self.probabilities:
            return logits
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    @property
    def texts(self):
        return [example.text for example in self.asked]


class BagOfBigrams:
    """Two classes, linear in pairs of neighbouring characters, with fixed arbitrary weights in [-1, 1]."""

    def __call__(self, examples):
        return np.array([[self.score(example.text), 0.0] for example in examples])

    @staticmethod
    def score(text):
        pairs = (text[at : at + 2] for at in range(len(text) - 1))
        return sum(zlib.crc32(pair.encode()) % 2001 / 1000 - 1 for pair in pairs)


class Replacing(Perturbation):
    """Replaces words, or phrases, by others from a table."""

    def __init__(self, table, sides=("text", "text_pair")):
        self.table = table
        self.sides = sides

    def candidates(self, example, rng):
        edits = []
        for side in self.sides:
            text = getattr(example, side) or ""
            for phrase, others in self.table.items():
                at = text.find(phrase)
                while at >= 0:
                    end = at + len(phrase)
                    if word_span(text, at, end) == (at, end):
                        edits += [Edit(at, end, other, side) for other in others]
                    at = text.find(phrase, at + 1)
        return sorted(edits)
