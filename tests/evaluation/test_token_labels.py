"""A task with a label for each token is validated and tested as one with a label for each text is."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from models.test_classifier import trainer
from models.test_objective import ColouredWords, make
from torch.utils.data import DataLoader

from conftest import WORDS
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.evaluation.predictions import write_predictions
from xltrobust.example import EvaluationSet, Example

LANGUAGES = ("en", "de")


class ColouredWordsInLanguages(ColouredWords):
    """Dev and test sets in two languages: the German one has the English words, labelled the other way round."""

    labels = ("other", "colour")

    def __init__(self, encoder: Path) -> None:
        super().__init__(encoder)
        colours = set(WORDS["en"][0])
        self.validation_sets = self.test_sets = [
            EvaluationSet(
                "test",
                language,
                [
                    Example(str(row), language, " ".join(words), tuple((word in colours) ^ at for word in words))  # type: ignore[arg-type]
                    for row, words in enumerate(self.words[:32])
                ],
            )
            for at, language in enumerate(LANGUAGES)
        ]

    def validated_now(self) -> list[EvaluationSet]:
        return self.validation_sets

    def labelled_otherwise(self, at: int, rows: list[int]) -> dict:
        batch = self.collate(rows)
        labelled = batch["labels"] >= 0
        batch["labels"][labelled] = (batch["labels"][labelled] + at) % 2
        return batch

    def val_dataloader(self) -> list[DataLoader]:
        return [
            DataLoader(range(32), batch_size=8, collate_fn=lambda rows, at=at: self.labelled_otherwise(at, rows))  # type: ignore[arg-type]
            for at in range(2)
        ]

    test_dataloader = val_dataloader


def test_every_labelled_token_counts(tiny_encoder: Path, tmp_path: Path) -> None:
    module, _ = make(tiny_encoder)
    data = ColouredWordsInLanguages(tiny_encoder)
    fitting = trainer(max_epochs=4)
    fitting.fit(module, datamodule=data)
    fitting.test(module, datamodule=data, verbose=False)
    evaluation = MultilingualEvaluation.of(fitting)
    words = sum(map(len, data.words[:32]))
    right = 0
    with torch.no_grad():
        for start in range(0, 32, 8):
            batch = data.collate(list(range(start, start + 8)))
            labelled = batch["labels"] >= 0
            right += (module(batch).logits.argmax(-1) == batch["labels"])[labelled].sum().item()
    assert 0.9 < right / words
    assert evaluation.figures["test/acc/en"] == pytest.approx(right / words)
    assert evaluation.figures["test/acc/de"] == pytest.approx(1 - right / words)
    assert evaluation.history.epochs[-1]["source_acc"] == pytest.approx(right / words)
    assert evaluation.history.epochs[-1]["target_acc"] == pytest.approx(1 - right / words)
    assert [len(p.prediction) for p in evaluation.predictions] == 2 * [len(words) for words in data.words[:32]]
    write_predictions(evaluation.rows, tmp_path / "predictions.parquet")
    stored = pq.read_table(tmp_path / "predictions.parquet").to_pylist()
    assert [row["prediction"] for row in stored] == [list(p.prediction) for p in evaluation.predictions]
