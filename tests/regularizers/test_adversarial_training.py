"""Adversarial training on a model whose worst perturbations are known."""

from __future__ import annotations

import itertools

import pytest
import torch
from regularizers.linear import LinearSoftmax, make_batch, term_of
from torch import Tensor
from torch.nn import functional as F

from xltrobust.regularizers import AdversarialTraining, Ball

SHAPES = list(itertools.product(("l2", "linf"), ("token", "example")))
shapes = pytest.mark.parametrize(("norm", "scope"), SHAPES)


def absolute(norm: str, scope: str, epsilon: float = 0.4) -> Ball:
    return Ball(epsilon=epsilon, norm=norm, scope=scope, relative=False)  # type: ignore[arg-type]


def worst_case(module: LinearSoftmax, batch: dict[str, Tensor], ball: Ball) -> Tensor:
    """Two classes: the margin falls by ε times the dual norm of the difference of their weights, and no further."""
    logits = module.logits(module.embed(batch), batch)
    own = logits.gather(1, batch["labels"][:, None]).squeeze(1)
    margins = 2 * own - logits.sum(1)
    difference = module.weights[:, 0] - module.weights[:, 1]
    tokens = batch["perturbable"].sum(1)
    if ball.norm == "linf":
        fall = tokens * difference.abs().sum()
    else:
        fall = (tokens if ball.scope == "token" else tokens.sqrt()) * difference.norm()
    return F.softplus(-margins + ball.epsilon * fall).mean()


@shapes
def test_one_step_finds_the_worst_case_of_two_classes(norm: str, scope: str) -> None:
    module, batch, ball = LinearSoftmax(everywhere=True), make_batch(), absolute(norm, scope)
    term = term_of(AdversarialTraining(ball=ball), module, batch)
    assert term.item() == pytest.approx(worst_case(module, batch, ball).item(), rel=1e-5)


@shapes
@pytest.mark.parametrize("start", ["zero", "random"])
def test_every_step_raises_the_loss_and_stays_in_the_ball(norm: str, scope: str, start: str) -> None:
    module, batch, ball = LinearSoftmax(classes=4, everywhere=True), make_batch(classes=4), absolute(norm, scope)
    steps = 6
    own = AdversarialTraining(ball=ball, steps=steps, step_size=ball.epsilon / 20, start=start)  # type: ignore[arg-type]
    term_of(own, module, batch)
    assert len(module.shifts) == steps + 1
    losses = []
    for shift in list(module.shifts):
        assert not shift[~batch["perturbable"]].any()  # neither padding nor special tokens
        assert (ball.size(shift) <= ball.epsilon * (1 + 1e-6)).all()
        logits = module.logits(module.embed(batch), batch, shift)
        losses.append(F.cross_entropy(logits, batch["labels"], reduction="none"))
    for before, after in itertools.pairwise(losses):
        assert (after > before).all()


def test_one_example_is_moved_whatever_else_is_in_the_batch() -> None:
    batch = make_batch(classes=3)
    module = LinearSoftmax(classes=3, everywhere=True)
    term_of(AdversarialTraining(ball=absolute("l2", "example"), steps=3, start="random"), module, batch)
    whole = module.shifts[-1]
    alone = {name: value[2:3] for name, value in batch.items()}
    module.shifts.clear()
    term_of(AdversarialTraining(ball=absolute("l2", "example"), steps=3, start="random"), module, alone)
    assert torch.allclose(module.shifts[-1][0], whole[2], atol=1e-6)


def test_clean_share_mixes_the_losses() -> None:
    module, batch, ball = LinearSoftmax(everywhere=True), make_batch(), absolute("l2", "token")
    perturbed = term_of(AdversarialTraining(ball=ball), module, batch)
    own = AdversarialTraining(ball=ball, clean_share=0.25)
    assert own.task_share == 0.25
    assert torch.allclose(term_of(own, module, batch), 0.75 * perturbed)


def test_radius_is_logged_both_ways() -> None:
    module, batch = LinearSoftmax(everywhere=True), make_batch()
    mean_norm = module.encoder.weight.norm(dim=1).mean().item()
    term_of(AdversarialTraining(ball=Ball(epsilon=0.5)), module, batch)
    assert module.logged["train/adversarial_training_epsilon_relative"] == pytest.approx(0.5)
    assert module.logged["train/adversarial_training_epsilon"] == pytest.approx(0.5 * mean_norm)
    assert module.shifts[-1].norm(dim=-1).max().item() == pytest.approx(0.5 * mean_norm, rel=1e-5)


@pytest.mark.parametrize(
    ("option", "value"), [("steps", 0), ("step_size", -1.0), ("clean_share", 1.0), ("layer", -1), ("weight", -1.0)]
)
def test_bad_arguments_are_named(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"Expected argument `{option}`"):
        AdversarialTraining(**{option: value})  # type: ignore[arg-type]
