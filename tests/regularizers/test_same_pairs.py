"""The four arms of a comparison by granularity and mechanism train on the same sentence pairs, each exactly once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus, write_translations

from conftest import write_tiny_task
from xltrobust.regularizers import (
    CodeSwitching,
    Regularizer,
    SentenceAlignment,
    TranslatedTraining,
    WordAlignment,
)

LANGUAGES = ("de", "zh")
ARMS: dict[str, Callable[[], Regularizer]] = {
    "S-A": lambda: TranslatedTraining(draw="cycle"),
    "W-A": lambda: CodeSwitching(translations="links", language="sentence", draw="cycle"),
    "S-R": lambda: SentenceAlignment(),
    "W-R": lambda: WordAlignment(loss="strong"),
}


@dataclass
class Trained:
    """What a training visited, and its task steps."""

    visits: dict[str, Any]
    steps: int


@pytest.fixture(scope="module")
def train(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Regularizer], Trained]:
    folder = tmp_path_factory.mktemp("same_pairs")
    task = write_tiny_task(folder / "task", train=40, dev=6, test=6)
    pairs = write_translations(task, folder / "pairs.tsv")

    def trained(regularizer: Regularizer) -> Trained:
        module, data = make(tiny_encoder, task)
        data.parallel = tiny_corpus(pairs, held_out=0)
        data.batch_size, data.drop_last, data.pair_rounds = 15, False, 1
        own = trainer(max_epochs=len(LANGUAGES), limit_val_batches=0)
        own.callbacks.append(regularizer)
        own.fit(module, datamodule=data)
        return Trained(data.pair_visits.record(), own.global_step)

    return trained


def test_all_arms_visit_every_pair_exactly_once_in_as_many_steps(
    train: Callable[[Regularizer], Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    found = {name: train(make_arm()) for name, make_arm in ARMS.items()}
    first = found["S-A"]
    assert first.visits["visited"] == first.visits["distinct"] == first.visits["of"] == 40 * len(LANGUAGES)
    assert first.steps == len(LANGUAGES) * 3
    for name, own in found.items():
        assert own == first, f"{name} trained on other pairs, or in other steps, than S-A"
    # An arm that has less of the text is told apart, also if it has as many visits.
    assert train(TranslatedTraining(draw="cycle", languages=["de"])).visits["hash"] != first.visits["hash"]
