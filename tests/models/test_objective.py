"""A task with a label for each token brings its own objective, which alone says what counts in training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from models.test_classifier import trainer
from regularizers.catalogue import TYPOS
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from conftest import WORDS
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.encoders.word_vectors import tokens_of_words
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.objective import Classification, Reduction
from xltrobust.regularizers import R3F, AdversarialTraining, ConsistencyRegularization, VirtualAdversarial
from xltrobust.regularizers.divergence import symmetric_kl

COLOURS, OTHERS = WORDS["en"]
IGNORED = -100


class TokenLabelling:
    """Cross entropy over the tokens that have a label; the others have -100."""

    def loss(self, logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
        labelled = labels != IGNORED
        return F.cross_entropy(logits[labelled], labels[labelled], reduction=reduction)

    def answers(self, logits: Tensor) -> Tensor:
        return logits.argmax(-1)

    def scored(self, logits: Tensor, batch: dict[str, Any]) -> Tensor:
        return logits[batch["labels"] != IGNORED]


class TokenClassifier(RobustClassifier):
    """Which words are colours: logits of shape (B, T, 2)."""

    objective = TokenLabelling()

    def pool(self, hidden: Tensor, batch: dict[str, Any]) -> Tensor:
        return hidden


class ColouredWords(pl.LightningDataModule):
    """Sentences whose words are labelled at their first token, and views of them with the same labels."""

    source, train_tokens, allow_zero_length_dataloader_with_multiple_devices = "en", 0, False

    def __init__(self, encoder: Path) -> None:
        super().__init__()
        self.tokenization = Tokenization(str(encoder), 64)
        rng = random.Random(0)
        self.words = [rng.sample(COLOURS + OTHERS, rng.randint(2, 6)) for _ in range(96)]
        self.views: dict[str, Any] = {}

    def add_view(self, name: str, view: Any) -> None:
        self.views[name] = view

    def labelled(self, rows: Sequence[int], examples: Sequence[Example]) -> dict[str, Any]:
        table = self.tokenization.table(examples, keep=False)
        batch: dict[str, Any] = self.tokenization.collate([table.row(at) for at in range(len(examples))])
        batch["labels"] = torch.full_like(batch["input_ids"], IGNORED)
        for at, (row, tokens) in enumerate(zip(rows, tokens_of_words(examples, self.tokenization), strict=True)):
            for number, (first, _) in tokens.items():
                batch["labels"][at, first] = int(self.words[row][number] in COLOURS)
        return batch

    def collate(self, rows: Sequence[int]) -> dict[str, Any]:
        examples = [Example(str(row), "en", " ".join(self.words[row]), 0) for row in rows]
        views = {
            name: self.labelled(rows, view(examples, random.Random(str(rows)))) for name, view in self.views.items()
        }
        return self.labelled(rows, examples) | {"index": torch.tensor(rows), "views": views}

    def train_dataloader(self) -> DataLoader:
        return DataLoader(range(len(self.words)), batch_size=16, collate_fn=self.collate)  # type: ignore[arg-type]


def make(encoder: Path) -> tuple[TokenClassifier, ColouredWords]:
    pl.seed_everything(0)
    options = {"dropout": 0.0, "encoder_lr": 1e-2, "head_lr": 1e-2}
    return TokenClassifier(encoder=str(encoder), labels=["other", "colour"], **options), ColouredWords(encoder)


def test_labels_a_token_are_learnt_under_adversarial_training_r3f_and_consistency(tiny_encoder: Path) -> None:
    module, data = make(tiny_encoder)
    batch = data.collate(range(48))
    with torch.no_grad():
        first = module.objective.loss(module(batch).logits, batch["labels"]).item()
    fitting = trainer(max_epochs=5, limit_val_batches=0)
    fitting.callbacks += [AdversarialTraining(clean_share=0.5), R3F(), ConsistencyRegularization(view=TYPOS)]
    fitting.fit(module, datamodule=data)
    with torch.no_grad():
        logits = module(batch).logits
    labelled = batch["labels"] != IGNORED
    right = (module.objective.answers(logits) == batch["labels"])[labelled].float().mean().item()
    assert logits.shape == (*batch["input_ids"].shape, 2)
    assert module.objective.loss(logits, batch["labels"]).item() < first / 2 and right > 0.95
    assert {"train/task", "train/adversarial_training", "train/r3f", "train/consistency_regularization"} <= set(
        fitting.callback_metrics
    )


@pytest.mark.parametrize("regularizer", [R3F(), VirtualAdversarial(), ConsistencyRegularization(view=TYPOS)])
def test_what_is_predicted_for_tokens_without_a_label_does_not_count(
    tiny_encoder: Path, regularizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RobustClassifier, "progress", 1.0)
    module, data = make(tiny_encoder)
    data.add_view(regularizer.name, regularizer.second_view)
    batch = data.collate(range(8))
    output = module(batch)
    term = regularizer.term(module, batch, output)
    logits = output.logits.detach().clone()
    logits[batch["labels"] == IGNORED] += torch.tensor([5.0, -5.0])
    output.logits = logits
    assert term.item() > 0 and regularizer.term(module, batch, output).item() == pytest.approx(term.item(), rel=1e-5)


def test_a_view_of_other_length_is_compared_word_by_word(tiny_encoder: Path) -> None:
    module, data = make(tiny_encoder)
    own = ConsistencyRegularization(view=TYPOS)
    data.add_view(own.name, own.second_view)
    batch = data.collate(range(8))
    view = batch["views"][own.name]
    words = [(at, int(token)) for at in range(8) for token in (batch["labels"][at] != IGNORED).nonzero()]
    others = [(at, int(token)) for at in range(8) for token in (view["labels"][at] != IGNORED).nonzero()]
    assert len(words) == len(others) and words != others
    clean, changed = module(batch).logits, module(view).logits
    pairs = [symmetric_kl(clean[a][None], changed[b][None]) for a, b in zip(words, others, strict=True)]
    assert own.term(module, batch, module(batch)).item() == pytest.approx(torch.cat(pairs).mean().item(), rel=1e-5)


def test_classification_is_cross_entropy() -> None:
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    objective = Classification()
    losses = objective.loss(logits, labels, "none")
    expected = -logits.log_softmax(1)[range(5), labels]
    assert torch.allclose(losses, expected) and torch.allclose(objective.loss(logits, labels), expected.mean())
    assert torch.allclose(objective.loss(logits, labels, "sum"), expected.sum())
    assert objective.answers(logits).tolist() == [max(range(3), key=row.__getitem__) for row in logits.tolist()]
