"""The victim answers what the model answers, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.goal import Misclassification

TEXTS = ["red", "the house is near", "das Haus ist grün", "房子很红", "a" * 70, "", "x y z " * 9]


def test_answers_do_not_depend_on_the_batch(tiny_encoder: Path) -> None:
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b", "c"]).eval()
    tokenization = Tokenization(str(tiny_encoder), 64)
    examples = [Example(str(n), "en", text, 0) for n, text in enumerate(TEXTS * 5)]
    together = ClassifierVictim(module, tokenization)(examples)
    alone = ClassifierVictim(module, tokenization, max_tokens=1)(examples)
    shuffled = ClassifierVictim(module, tokenization)(examples[::-1])[::-1]
    assert together.shape == (35, 3)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_array_equal(together, shuffled)
    row = tokenization.table(examples[3:4]).row(0)
    with torch.no_grad():
        direct = module(tokenization.collate([row])).logits.numpy()
    np.testing.assert_allclose(together[3:4], direct, atol=1e-5)


def test_gradients_are_those_of_the_margin(tiny_encoder: Path) -> None:
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b", "c"], pooling="mean").double().eval()
    tokenization = Tokenization(str(tiny_encoder), 64)
    victim = ClassifierVictim(module, tokenization)
    examples = [Example(str(n), "en", text, n % 3, "és" if n % 2 else None) for n, text in enumerate(TEXTS)]
    for example in [examples[1::2], examples[::2]]:
        with torch.inference_mode():  # as Lightning's test runs
            found = victim.gradients(example, Misclassification())
            logits = victim(example)
        for own, gradient, row in zip(example, found, logits, strict=True):
            table = tokenization.table([own])
            batch = tokenization.collate([table.row(0)])

            def margin(embeddings: torch.Tensor, batch: dict = batch, label: int = own.label) -> float:
                with torch.no_grad():
                    hidden = module.encode(embeddings[None], batch)
                    row = module.classify(module.pool(hidden, batch))[0]
                return float(row[label] - max(value for at, value in enumerate(row.tolist()) if at != label))

            embeddings = torch.from_numpy(gradient.embeddings).double()
            assert abs(margin(embeddings) - (row[own.label] - np.delete(row, own.label).max())) < 1e-5
            for at in {0, len(embeddings) // 2, len(embeddings) - 1}:
                step = torch.zeros_like(embeddings)
                step[at] = torch.from_numpy(gradient.gradients[at]) / (np.linalg.norm(gradient.gradients[at]) + 1e-9)
                slope = (margin(embeddings + 1e-4 * step) - margin(embeddings - 1e-4 * step)) / 2e-4
                assert abs(slope - np.linalg.norm(gradient.gradients[at])) < 1e-4


def test_tokens_know_their_characters(tiny_encoder: Path) -> None:
    victim = ClassifierVictim(
        RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"]).eval(), Tokenization(str(tiny_encoder), 64)
    )
    (own,) = victim.gradients([Example("0", "en", "aé", 0, "b")], Misclassification())
    assert own.sides.tolist() == [-1, 0, 0, 0, -1, -1, 1, -1]
    assert own.spans[own.sides == 0].tolist() == [[0, 1], [1, 2], [1, 2]]  # two bytes of one letter
    vectors = victim.word_vectors(["aé", "", "b"])
    np.testing.assert_allclose(vectors[0], own.embeddings[own.sides == 0].mean(0), atol=1e-6)
    np.testing.assert_allclose(vectors[2], own.embeddings[6], atol=1e-6)
    assert not vectors[1].any()
    np.testing.assert_array_equal(victim.word_vectors(["b", "b"]), vectors[[2, 2]])
