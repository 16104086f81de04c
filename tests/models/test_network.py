"""A classifier that has what `Network` asks for, and nothing else, is tested and attacked like any other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.example_table import Columns
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.evaluation.from_rows import clean_figures_of
from xltrobust.evaluation.predictions import prediction_row
from xltrobust.evaluation.shares import attack_share
from xltrobust.example import Example
from xltrobust.models.network import Network
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb import GreedySearch, Misclassification, TypoPerturbation
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.searches.replay import Replay


class BagOfBytes:
    """Scores a class by the sum of its tokens' weights: no encoder, no torch module."""

    device = torch.device("cpu")

    def __init__(self, labels: list[str], vocabulary: int) -> None:
        self.labels = labels
        self.table = torch.randn(vocabulary, 8, generator=torch.Generator().manual_seed(0))
        self.head = torch.randn(8, len(labels), generator=torch.Generator().manual_seed(1))

    def embed(self, batch: dict[str, Any]) -> Tensor:
        return self.table[batch["input_ids"]]

    def logits(self, embeddings: Tensor, batch: dict[str, Any]) -> Tensor:
        return (embeddings * batch["attention_mask"].unsqueeze(-1)).sum(1) @ self.head

    def __call__(self, batch: dict[str, Any]) -> Any:
        return SimpleNamespace(logits=self.logits(self.embed(batch), batch))


def test_any_network_is_tested_and_attacked(tiny_encoder: Path, tiny_task: Path) -> None:
    data = LocalClassification(
        tokenizer=str(tiny_encoder), data_dir=str(tiny_task), source="en", languages=["de"], columns=Columns(id="id")
    )
    network: Network = BagOfBytes(data.labels, len(data.tokenization.tokenizer))
    victim = ClassifierVictim(network, data.tokenization)
    sets, places = data.test_sets, [(at, i) for at, own in enumerate(data.test_sets) for i in range(len(own.examples))]
    nothing = Attack(perturbation=Replay({}), search=Replay({}))
    clean = attack_share("clean", nothing, sets, places, victim)
    answers = {place: int(victim([sets[place[0]].examples[place[1]]])[0].argmax()) for place in places}
    assert {place: result.prediction for place, result in clean.items()} == answers
    rows = [prediction_row(sets[at], i, result.prediction) for (at, i), result in clean.items()]
    figures = clean_figures_of(rows, sets, {"source": "en", "labels": data.labels})
    english = [answers[0, i] == example.label for i, example in enumerate(sets[0].examples)]
    assert sets[0].name == "en" and abs(figures["test/acc/en"] - np.mean(english)) < 1e-6
    attack = Attack(perturbation=TypoPerturbation(), search=GreedySearch(ranking="gradient"))
    found = attack_share("typos", attack, sets, [place for place in places if place[0] == 0], victim)
    broken = [result for result in found.values() if result.adversarial is not None and result.broken]
    assert broken and all(int(victim([r.adversarial])[0].argmax()) == r.prediction for r in broken if r.adversarial)


def test_gradients_are_the_networks(tiny_encoder: Path) -> None:
    tokenization = Tokenization(str(tiny_encoder), 64)
    network = BagOfBytes(["a", "b"], len(tokenization.tokenizer))
    (found,) = ClassifierVictim(network, tokenization).gradients([Example("0", "en", "red", 1)], Misclassification())
    expected = (network.head[:, 1] - network.head[:, 0]).numpy()
    np.testing.assert_allclose(found.gradients, np.tile(expected, (5, 1)), atol=1e-6)
