"""The training step against plain torch, and what checkpoints hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional as F

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.example_table import Columns
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.models.classifier import NonFiniteLoss, RobustClassifier
from xltrobust.models.optimizer import linear_factor, parameter_groups


def make(
    encoder: Path, task: Path, validate_targets: int = 1, **options
) -> tuple[RobustClassifier, LocalClassification]:
    data = LocalClassification(
        tokenizer=str(encoder),
        data_dir=str(task),
        source="en",
        languages=["de"],
        batch_size=16,
        columns=Columns(id="id"),
        validate_targets=validate_targets,
    )
    pl.seed_everything(3)
    return RobustClassifier(encoder=str(encoder), labels=data.labels, **options), data


def trainer(**options) -> pl.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    own = {"num_sanity_val_steps": 0, "enable_checkpointing": False, "use_distributed_sampler": False}
    callbacks = [*options.pop("callbacks", []), MultilingualEvaluation()]
    return pl.Trainer(**quiet | own | options, callbacks=callbacks)


def test_training_equals_a_plain_loop(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task, dropout=0.0, encoder_lr=1e-2, head_lr=1e-2)
    trainer(max_epochs=1, limit_val_batches=0).fit(module, datamodule=data)
    plain, data = make(tiny_encoder, tiny_task, dropout=0.0, encoder_lr=1e-2, head_lr=1e-2)
    loader = data.train_dataloader()
    optimizer = torch.optim.AdamW(parameter_groups(plain, "encoder.", 1e-2, 1e-2, 0.01))
    rates = [group["lr"] for group in optimizer.param_groups]
    plain.train()
    for step, batch in enumerate(loader):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * linear_factor(step, len(loader), 0.1)
        optimizer.zero_grad()
        F.cross_entropy(plain(batch).logits, batch["labels"]).backward()
        optimizer.step()
    for (name, ours), theirs in zip(module.named_parameters(), plain.parameters(), strict=True):
        # Attention does not depend on the keys' bias: its gradient is rounding, which Adam blows up.
        assert torch.allclose(ours, theirs, atol=1e-5) or name.endswith("key.bias"), name


def test_mean_pooling_averages_over_real_tokens(tiny_encoder: Path) -> None:
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], pooling="mean")
    hidden = torch.randn(2, 4, 16)
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    pooled = module.pool(hidden, {"attention_mask": mask})
    assert torch.allclose(pooled[0], hidden[0, :3].mean(0)) and torch.allclose(pooled[1], hidden[1, 0])


def test_an_infinite_loss_stops_and_names_the_step(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task, encoder_lr=1e30, head_lr=1e30, warmup=0.0)
    with pytest.raises(NonFiniteLoss, match="at step [1-9]"):
        trainer(max_epochs=2, limit_val_batches=0).fit(module, datamodule=data)


def test_checkpoints_leave_frozen_weights_out_and_load(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    module, data = make(tiny_encoder, tiny_task, freeze_embeddings=True, encoder_lr=1e-2)
    fitting = trainer(max_epochs=1)
    fitting.fit(module, datamodule=data)
    fitting.save_checkpoint(tmp_path / "a.ckpt")
    stored = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert not [name for name in stored["state_dict"] if "word_embeddings" in name]
    loaded = RobustClassifier.load_from_checkpoint(tmp_path / "a.ckpt", weights_only=True)
    for (name, ours), theirs in zip(module.named_parameters(), loaded.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_seeds_that_share_the_head_seed_start_from_one_head(tiny_encoder: Path) -> None:
    def drawn(seed: int, head_seed: int | None) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        torch.manual_seed(seed)
        module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], head_seed=head_seed)
        state = module.state_dict()
        return {name: value for name, value in state.items() if name.startswith(("dense", "out"))}, torch.rand(3)

    (first, next_first), (second, next_second) = drawn(1, 5), drawn(2, 5)
    assert len(first) == 4 and all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(next_first, next_second)  # what is drawn afterwards still depends on the run's seed
    own, another = drawn(1, None)[0], drawn(2, None)[0]
    other = drawn(1, 6)[0]
    for name in ("dense.weight", "out.weight", "out.bias"):
        assert not torch.equal(first[name], other[name]) and not torch.equal(own[name], another[name])


def test_without_a_head_seed_the_head_is_drawn_after_the_encoder(tiny_encoder: Path) -> None:
    from xltrobust.encoders.load import load_encoder

    torch.manual_seed(4)
    module = RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"])
    torch.manual_seed(4)
    load_encoder(str(tiny_encoder))
    dense, out = torch.nn.Linear(16, 16), torch.nn.Linear(16, 2)
    assert torch.equal(module.dense.weight, dense.weight) and torch.equal(module.out.weight, out.weight)


BAD = [("labels", ["one"]), ("pooling", "max"), ("warmup", 2.0), ("head_seed", -1)]


@pytest.mark.parametrize(("option", "value"), BAD)
def test_bad_arguments_are_named(tiny_encoder: Path, option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"Expected argument `{option}`"):
        RobustClassifier(**{"encoder": str(tiny_encoder), "labels": ["a", "b"], option: value})
