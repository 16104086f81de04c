"""A white-box victim whose gradients are known by hand: linear in the sum of its words' vectors."""

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import TextGradient

# The second coordinate does not affect the logits: it only puts words far from each other.
VECTORS = {
    "a": (1.0, 0.0), "b": (3.0, 0.0), "c": (5.0, 0.0), "a2": (-0.5, 0.0), "b1": (2.0, 0.0), "b2": (-1.0, 0.0),
    "b3": (4.0, 3.0), "c1": (0.5, 0.0), "c2": (-1.0, 0.0),
}  # fmt: skip
TABLE = {"a": ["a2"], "b": ["b1", "b2", "b3"], "c": ["c1", "c2"]}


class WhiteBox:
    """Two classes; the logit of class 0 is the bias plus the words' first coordinates; records what it is asked."""

    def __init__(self, bias=0.0):
        self.bias = bias
        self.texts, self.differentiated = [], []

    def __call__(self, batch):
        self.texts += [example.text for example in batch]
        return self._logits(batch)

    def gradients(self, batch, goal):
        self.differentiated += [example.text for example in batch]
        gradients = []
        for example in batch:
            words = example.text.split()
            starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
            spans = np.array([[start, start + len(word)] for start, word in zip(starts, words, strict=True)])
            slope = np.array([1.0, 0.0]) * goal.slopes(self._logits([example]), example)[0, 0]
            vectors = np.array([self._vector(word) for word in words])
            gradients.append(TextGradient(np.zeros(len(words), int), spans, vectors, np.tile(slope, (len(words), 1))))
        return gradients

    def word_vectors(self, words):
        return np.array([self._vector(word) for word in words]).reshape(-1, 2)

    def _logits(self, batch):
        return np.array([[self.bias + sum(self._vector(w)[0] for w in example.text.split()), 0.0] for example in batch])

    def _vector(self, word):
        return np.array(VECTORS.get(word, (0.0, 0.0)))


def examples():
    return [Example(str(n), "en", text, 0) for n, text in enumerate(["a b c", "c b", "b a a", "c", "c c c", "x", "a2"])]
