"""FreeLB's gradient is what its definition says, by identities that hold exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor
from torch.nn import functional as F

from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.dropout import DropoutMask
from xltrobust.models.output import Output
from xltrobust.regularizers import AdversarialTraining, Ball, FreeLB
from xltrobust.regularizers.base import Regularizer

BALL = Ball(epsilon=0.3)


@pytest.fixture
def trained(tiny_encoder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RobustClassifier, dict]:
    """A classifier in training mode, outside of a trainer, with dropout, and a batch."""
    module, data = make(tiny_encoder, tiny_task, dropout=0.2)
    monkeypatch.setattr(RobustClassifier, "progress", 1.0)
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    return module, next(iter(data.train_dataloader()))


def gradients(module: RobustClassifier, loss: Tensor) -> list[Tensor]:
    module.zero_grad()
    loss.backward()
    return [torch.zeros_like(own) if own.grad is None else own.grad.clone() for own in module.parameters()]


def with_dropout(regularizer: Regularizer, module: RobustClassifier, batch: dict) -> Tensor:
    torch.manual_seed(5)
    term = regularizer.term(module, batch, Output(module, batch))
    assert term is not None
    return term


def plain(module: RobustClassifier, batch: dict) -> Tensor:
    torch.manual_seed(5)
    return F.cross_entropy(module(batch).logits, batch["labels"])


def assert_close(first: list[Tensor], second: list[Tensor]) -> None:
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))


def test_one_step_from_zero_is_plain_training(trained) -> None:
    module, batch = trained
    term = with_dropout(FreeLB(ball=BALL, steps=1, start="zero"), module, batch)
    expected = plain(module, batch)
    assert torch.allclose(term, expected)
    assert_close(gradients(module, term), gradients(module, expected))


def test_two_steps_from_zero_are_the_mean_of_plain_and_adversarial_training(trained) -> None:
    module, batch = trained
    loss = with_dropout(FreeLB(ball=BALL, steps=2, start="zero"), module, batch)
    ours = gradients(module, loss)
    clean = gradients(module, plain(module, batch))

    class SameDropout(AdversarialTraining):
        def ascend(self, *arguments, **options) -> Tensor:
            mask = DropoutMask(module.device)
            delta = super().ascend(*arguments, **options | {"dropout": mask})
            torch.manual_seed(5)  # for the pass at the perturbation
            return delta

    adversarial_loss = with_dropout(SameDropout(ball=BALL), module, batch)
    adversarial = gradients(module, adversarial_loss)
    assert torch.allclose(loss, (plain(module, batch) + adversarial_loss) / 2)
    assert_close(ours, [(a + b) / 2 for a, b in zip(clean, adversarial, strict=True)])
    # Without a perturbation there would be no difference to see.
    assert not all(torch.allclose(a, b, atol=1e-6) for a, b in zip(clean, adversarial, strict=True))


def test_the_dropout_drawn_afterwards_is_that_of_one_pass_less(trained) -> None:
    """The K passes leave the random state alone: they all replay the same one."""
    module, batch = trained
    with_dropout(FreeLB(ball=BALL, steps=3), module, batch)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))


def test_gradients_add_to_other_terms(trained) -> None:
    module, batch = trained
    own = gradients(module, with_dropout(FreeLB(ball=BALL, steps=2), module, batch))
    scaled = with_dropout(FreeLB(ball=BALL, steps=2), module, batch)
    both = gradients(module, 3 * scaled + module.out.weight.sum())
    for (name, _), one, sum_ in zip(module.named_parameters(), own, both, strict=True):
        assert torch.allclose(sum_, 3 * one + (name == "out.weight"), atol=1e-5), name


def test_an_overflow_skips_the_step_and_does_not_end_the_run(tiny_encoder: Path, tiny_task: Path) -> None:
    """Half precision with a scale of the loss at which gradients are infinite: the scaler lowers it step by step."""
    module, data = make(tiny_encoder, tiny_task, encoder_lr=1e-2, warmup=0.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24, growth_interval=1000)
    own = trainer(max_epochs=1, limit_val_batches=0, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
    own.callbacks.append(FreeLB(ball=BALL))
    start, weights = module.out.weight.detach().clone(), []

    def on_train_batch_end(outputs, batch, batch_idx) -> None:
        weights.append((scaler.get_scale(), module.out.weight.detach().clone()))
        type(module).on_train_batch_end(module, outputs, batch, batch_idx)

    module.on_train_batch_end = on_train_batch_end  # type: ignore[method-assign]
    own.fit(module, datamodule=data)
    scales = [scale for scale, _ in weights]
    assert scales[0] == 2.0**23 and torch.equal(weights[0][1], start)  # skipped
    assert scales[-1] == scales[-2] and not torch.equal(weights[-1][1], start)  # learnt
    assert torch.isfinite(weights[-1][1]).all()


def test_bad_arguments_are_named() -> None:
    for option, value in {"steps": 0, "step_size": 0.0}.items():
        with pytest.raises(ValueError, match=f"Expected argument `{option}`"):
            FreeLB(**{option: value})  # type: ignore[arg-type]
