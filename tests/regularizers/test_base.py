"""A regularizer's term and its own parameters are trained, and its view of the texts arrives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from torch import Tensor, nn

from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.regularizers.base import Regularizer


class PullTowards(Regularizer):
    """``target · parameter``: its gradient with respect to its own parameter is the target."""

    target = torch.tensor([1.0, -2.0, 0.5])

    def build(self, module) -> nn.Module:
        return nn.ParameterDict({"own": nn.Parameter(torch.zeros(3))})

    def term(self, module, batch, output) -> Tensor:
        return module.regularizer_modules[self.name]["own"] @ self.target


class Upper(Regularizer):
    """A view of the texts; no term."""

    seen: list[str] = []

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [replace(example, text=example.text.upper()) for example in examples]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_known_gradient_shifts_a_parameter_by_just_that_much(
    tiny_encoder: Path, tiny_task: Path, accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data = make(tiny_encoder, tiny_task)
    # Plain gradient descent: the shift is rate × weight × gradient, times the steps.
    monkeypatch.setattr(module, "configure_optimizers", lambda: torch.optim.SGD(module.parameters(), lr=0.1))
    own = trainer(max_epochs=1, limit_train_batches=4, limit_val_batches=0, accumulate_grad_batches=accumulate)
    own.callbacks.append(PullTowards(weight=3.0))
    own.fit(module, datamodule=data)
    steps = 4 / accumulate
    expected = -0.1 * 3.0 * steps * PullTowards.target
    assert torch.allclose(module.regularizer_modules["pull_towards"]["own"], expected)


def test_own_parameters_are_in_the_optimizer_and_the_checkpoint(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path
) -> None:
    module, data = make(tiny_encoder, tiny_task, head_lr=0.5)
    own = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=0)
    own.callbacks.append(PullTowards())
    own.fit(module, datamodule=data)
    parameter = module.regularizer_modules["pull_towards"]["own"]
    groups = [g for g in own.optimizers[0].param_groups if any(p is parameter for p in g["params"])]
    assert len(groups) == 1 and groups[0]["initial_lr"] == 0.5
    own.save_checkpoint(tmp_path / "a.ckpt")
    stored = torch.load(tmp_path / "a.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(stored["regularizer_modules.pull_towards.own"], parameter)
    assert "train/pull_towards" in own.callback_metrics


def test_the_trained_model_loads_without_its_regularizers(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    own = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    own.callbacks.append(PullTowards())
    own.fit(module, datamodule=data)
    own.save_checkpoint(tmp_path / "a.ckpt")
    loaded = RobustClassifier.load_from_checkpoint(tmp_path / "a.ckpt", weights_only=True)
    assert torch.equal(loaded.out.weight, module.out.weight) and not loaded.regularizer_modules


def test_a_view_of_the_texts_is_what_is_trained_on(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    own = trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    own.callbacks.append(Upper())
    own.fit(module, datamodule=data)
    batch = next(iter(own.train_dataloader))
    texts = data.tokenization.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)
    originals = [data._data("train", "en").examples[i].text for i in batch["index"].tolist()]
    assert texts == [text.upper() for text in originals] and texts != originals


def test_names_must_differ_and_weights_be_positive(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    own = trainer(max_epochs=1)
    own.callbacks += [PullTowards(), PullTowards()]
    with pytest.raises(ValueError, match="Two regularizers are named 'pull_towards'"):
        own.fit(module, datamodule=data)
    with pytest.raises(ValueError, match="Expected argument `weight`"):
        PullTowards(weight=-1.0)
