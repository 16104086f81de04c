"""Averaged weights: equal to a mean by hand, beside a training that does not change."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.example_table import Columns
from xltrobust.models.classifier import RobustClassifier
from xltrobust.runs.averaging import CheckpointAveraging, averaging_of

State = dict[str, torch.Tensor]
STEPS = 7  # of an epoch: 120 examples in batches of 16


class Collector(pl.Callback):
    """Copies the trained weights after every optimizer step, and at the ends of epochs."""

    def __init__(self) -> None:
        self.at_steps: dict[int, State] = {}
        self.at_ends: list[State] = []

    def _now(self, module: pl.LightningModule) -> State:
        return {name: each.detach().clone() for name, each in module.named_parameters() if each.requires_grad}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self.at_steps.setdefault(trainer.global_step, self._now(pl_module))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.at_ends.append(self._now(pl_module))


def train(
    encoder: Path, task: Path, folder: Path, *callbacks: pl.Callback, trainer: dict | None = None, **model: object
) -> RobustClassifier:
    data = LocalClassification(
        tokenizer=str(encoder), data_dir=str(task), source="en", languages=["de"], batch_size=16,
        columns=Columns(id="id"),
    )  # fmt: skip
    pl.seed_everything(3)
    module = RobustClassifier(encoder=str(encoder), labels=data.labels, encoder_lr=1e-2, head_lr=1e-2, **model)
    options: dict = {"max_epochs": 3, "accelerator": "cpu", "limit_val_batches": 0, "logger": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    own = {"default_root_dir": folder, "callbacks": list(callbacks), "use_distributed_sampler": False}
    pl.Trainer(**quiet | options | own | (trainer or {})).fit(module, datamodule=data)
    return module


def written(folder: Path) -> State:
    return torch.load(folder / "checkpoints" / "averaged.ckpt", weights_only=True)["state_dict"]


def assert_mean(found: State, states: list[State], shares: list[float] | None = None) -> None:
    shares = shares or [1.0] * len(states)
    assert states and set(states[0]) <= set(found)
    for name in states[0]:
        by_hand = sum(share * state[name].double() for share, state in zip(shares, states, strict=True)) / sum(shares)
        assert torch.allclose(found[name].double(), by_hand, rtol=1e-5, atol=1e-6), name
        assert not torch.equal(found[name], states[-1][name]) or "bias" in name, name


def test_the_mean_of_the_last_epochs_is_that_of_their_weights(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path
) -> None:
    averaging, seen = CheckpointAveraging(last=2), Collector()
    module = train(tiny_encoder, tiny_task, tmp_path, seen, averaging, freeze_embeddings=True)
    stored = written(tmp_path)
    assert_mean(stored, seen.at_ends[-2:])
    path = tmp_path / "checkpoints" / "averaged.ckpt"
    assert averaging_of(path) == {"every": None, "steps": [2 * STEPS, 3 * STEPS]}
    # Frozen embeddings are left out, and come back from the encoder's files.
    assert not [name for name in stored if "word_embeddings" in name]
    loaded = RobustClassifier.load_from_checkpoint(path, weights_only=True)
    for name, own in loaded.named_parameters():
        assert torch.equal(own, stored[name] if name in stored else module.get_parameter(name)), name
    # The training is as without the callback.
    plain = train(tiny_encoder, tiny_task, tmp_path / "plain", freeze_embeddings=True)
    for (name, ours), theirs in zip(module.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    assert not (tmp_path / "plain").exists()


def test_steps_take_the_place_of_epochs(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    seen = Collector()
    train(tiny_encoder, tiny_task, tmp_path, seen, CheckpointAveraging(last=3, every=5), trainer={"max_steps": 21})
    assert averaging_of(tmp_path / "checkpoints" / "averaged.ckpt") == {"every": 5, "steps": [10, 15, 20]}
    assert_mean(written(tmp_path), [seen.at_steps[step] for step in (10, 15, 20)])


def test_fewer_moments_than_asked_for_are_averaged(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    seen = Collector()
    train(tiny_encoder, tiny_task, tmp_path, seen, CheckpointAveraging(last=9), trainer={"max_epochs": 2})
    assert_mean(written(tmp_path), seen.at_ends)


def test_an_exponential_mean_counts_optimizer_steps(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    seen = Collector()
    accumulated = {"accumulate_grad_batches": 2, "max_epochs": 2}
    train(tiny_encoder, tiny_task, tmp_path, seen, CheckpointAveraging(decay=0.8), trainer=accumulated)
    steps = sorted(step for step in seen.at_steps if step)
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert averaging_of(tmp_path / "checkpoints" / "averaged.ckpt") == {"every": None, "decay": 0.8, "updates": 8}
    assert_mean(written(tmp_path), [seen.at_steps[step] for step in steps], [0.8 ** (8 - step) for step in steps])


def test_where_a_budget_ends_the_training_the_last_epoch_ends(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path
) -> None:
    seen, endless = Collector(), {"max_epochs": -1}
    averaging = CheckpointAveraging(last=2)
    train(tiny_encoder, tiny_task, tmp_path, seen, averaging, trainer=endless, max_passes=1.4)
    steps = averaging_of(tmp_path / "checkpoints" / "averaged.ckpt")["steps"]
    assert steps[0] == STEPS < steps[1] < 2 * STEPS
    assert_mean(written(tmp_path), [seen.at_steps[step] for step in steps])


def test_nothing_is_averaged_by_default(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    averaging = CheckpointAveraging()
    train(tiny_encoder, tiny_task, tmp_path / "run", averaging, trainer={"max_epochs": 1})
    assert not (tmp_path / "run").exists() and averaging.state_dict() == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"last": 0}, "`last` to be at least 1"),
        ({"last": 2, "every": 0}, "`every` to be at least 1"),
        ({"decay": 1.0}, "`decay` to be between 0 and 1"),
        ({"last": 2, "decay": 0.9}, "only one of"),
        ({"every": 5}, "`every` only with `last`"),
    ],
)
def test_bad_arguments_are_named(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CheckpointAveraging(**options)
