"""R3F, VAT and SMART against what is known of them: zeros, second-order values, random starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.linear import LinearSoftmax, make_batch, term_of
from torch import Tensor

from xltrobust.models.output import Output
from xltrobust.regularizers import R3F, Ball, SmoothnessInducing, VirtualAdversarial
from xltrobust.regularizers.divergence import kl_divergence, symmetric_kl

SMALL = Ball(epsilon=1e-2, relative=False)


def fisher(module: LinearSoftmax, batch: dict[str, Tensor], shift: Tensor) -> Tensor:
    """δ'Fδ of each example, F being the Fisher information of the prediction about the embeddings, in float64."""
    probabilities = module.logits(module.embed(batch), batch).double().softmax(-1)
    moved = (shift * batch["perturbable"].unsqueeze(-1)).sum(1).double() @ module.weights.double()  # of the logits
    mean = (probabilities * moved).sum(-1, keepdim=True)
    return (probabilities * (moved - mean).square()).sum(-1)


def test_divergences_against_torch_distributions() -> None:
    torch.manual_seed(0)
    p, q = torch.randn(2, 50, 5)
    one, other = torch.distributions.Categorical(logits=p), torch.distributions.Categorical(logits=q)
    forward = torch.distributions.kl_divergence(one, other)
    assert torch.allclose(kl_divergence(p, q), forward, atol=1e-6)
    assert torch.allclose(symmetric_kl(p, q), forward + torch.distributions.kl_divergence(other, one), atol=1e-5)


def test_r3f_is_zero_without_noise() -> None:
    module, batch = LinearSoftmax(classes=3), make_batch(classes=3)
    assert term_of(R3F(ball=Ball(epsilon=0.0)), module, batch).item() == 0
    assert term_of(R3F(ball=SMALL), module, batch).item() > 0


def test_r3f_is_the_fisher_form_of_small_noise() -> None:
    module, batch = LinearSoftmax(classes=3).double(), make_batch(classes=3)
    for ball in (SMALL, Ball(epsilon=1e-2, norm="linf", relative=False)):
        module.shifts.clear()
        term = term_of(R3F(ball=ball), module, batch)
        (shift,) = module.shifts
        expected = fisher(module, batch, shift).mean().item()
        # The symmetric divergence has half of it in either direction; what is left is of third order.
        assert term.item() == pytest.approx(expected, rel=0.02)
        assert term.item() != pytest.approx(expected / 2, rel=0.3)


def test_vat_finds_the_direction_of_greatest_curvature() -> None:
    """For a linear model F has rank C - 1, and power iteration finds its first eigenvector."""
    module, batch = LinearSoftmax(classes=3), make_batch(classes=3)
    ball = Ball(epsilon=0.05, scope="example", relative=False)
    term = term_of(VirtualAdversarial(ball=ball, steps=30), module, batch)
    found = module.shifts[-1]
    assert torch.allclose(ball.size(found), torch.tensor(0.05))
    ours = fisher(module, batch, found)
    torch.manual_seed(0)
    for _ in range(300):
        other = 0.05 * ball.direction(torch.randn_like(found) * batch["perturbable"].unsqueeze(-1))
        assert (fisher(module, batch, other) <= ours * (1 + 1e-3)).all()
    assert term.item() == pytest.approx(ours.mean().item() / 2, rel=0.1)


def test_vat_needs_its_random_start() -> None:
    module, batch = LinearSoftmax(classes=3), make_batch(classes=3)
    own, output = VirtualAdversarial(ball=SMALL, steps=3), Output(module, batch)
    zero = torch.zeros_like(module.embed(batch))
    assert not own.iterate(module, batch, output, zero, probe=1e-3).any()  # the gradient at 0 is 0
    start = own.ball.direction(own.noise(module, batch, 1.0, "gaussian"))
    assert own.iterate(module, batch, output, start, probe=1e-3)[batch["perturbable"]].any(-1).all()


def test_smoothness_ascends_from_its_random_start() -> None:
    module, batch = LinearSoftmax(classes=3), make_batch(classes=3)
    own = SmoothnessInducing(ball=Ball(epsilon=0.1, norm="linf", relative=False), steps=3, proximal=False)
    term = term_of(own, module, batch)
    clean = module.logits(module.embed(batch), batch)
    levels = [
        symmetric_kl(clean, module.logits(module.embed(batch), batch, shift)).mean() for shift in list(module.shifts)
    ]
    assert levels[0] < levels[1] and levels[0] < levels[-1]
    assert torch.allclose(levels[-1], term)


def test_proximal_term_starts_at_zero_and_its_average_lags(tiny_encoder: Path, tiny_task: Path) -> None:
    own = SmoothnessInducing(smoothness=False, decay=0.75)
    module, data = make(tiny_encoder, tiny_task, dropout=0.1, encoder_lr=1e-2, warmup=0.0)
    history, terms = [], []
    term = own.term

    def recorded(*arguments) -> Tensor:
        history.append(module.out.weight.detach().clone())
        terms.append(value := term(*arguments))
        return value

    own.term = recorded  # type: ignore[method-assign]
    fitting = trainer(max_epochs=1, limit_train_batches=6, limit_val_batches=0, accumulate_grad_batches=2)
    fitting.callbacks.append(own)
    fitting.fit(module, datamodule=data)
    # With the clean pass's dropout, the average is the same function until the first optimizer step.
    assert abs(terms[0].item()) < 1e-6 and abs(terms[1].item()) < 1e-6 and terms[2].item() > 1e-6
    expected = history[0]
    for weights in (history[2], history[4], module.out.weight.detach()):
        expected = 0.75 * expected + 0.25 * weights
    average = module.regularizer_modules[own.name].parameters_by_name()["out.weight"]
    assert torch.allclose(average, expected, atol=1e-6)
    assert not average.requires_grad


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="`smoothness` or `proximal`"):
        SmoothnessInducing(smoothness=False, proximal=False)
    with pytest.raises(ValueError, match="Expected argument `decay`"):
        SmoothnessInducing(decay=1.0)
    with pytest.raises(ValueError, match="Expected argument `probe`"):
        VirtualAdversarial(probe=0.0)
