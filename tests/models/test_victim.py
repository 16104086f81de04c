"""The victim answers what the model answers, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from xltrobust.datamodules.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.victim import ClassifierVictim

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
