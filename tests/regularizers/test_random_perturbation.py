"""Random perturbation trains at the noise that it draws, other noise for every example and epoch."""

from __future__ import annotations

import pytest
import torch
from regularizers.linear import LinearSoftmax, make_batch, term_of
from torch.nn import functional as F

from xltrobust.regularizers import Ball, RandomPerturbation

BALL = Ball(epsilon=0.4, relative=False)


@pytest.mark.parametrize("clean_share", [0.0, 0.3])
def test_the_loss_is_that_at_the_noise(clean_share: float) -> None:
    module, batch = LinearSoftmax(classes=3), make_batch(classes=3)
    own = RandomPerturbation(ball=BALL, clean_share=clean_share)
    term = term_of(own, module, batch)
    (noise,) = module.shifts
    assert (BALL.size(noise) <= 0.4 * (1 + 1e-6)).all() and not noise[~batch["perturbable"]].any()
    expected = F.cross_entropy(module.logits(module.embed(batch) + noise, batch), batch["labels"])
    assert torch.allclose(term, (1 - clean_share) * expected) and own.task_share == clean_share


def test_noise_is_new_for_every_epoch_example_and_regularizer(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = LinearSoftmax(), make_batch()
    batch["index"][4] = batch["index"][3]  # two views of one example
    found = []
    for epoch, name in [(0, "a"), (0, "a"), (1, "a"), (0, "b")]:
        monkeypatch.setattr(module, "_trainer", object())
        monkeypatch.setattr(LinearSoftmax, "current_epoch", epoch)
        found.append(torch.tensor(module.example_seeds(batch, name)))
    assert torch.equal(found[0], found[1]) and len(set(found[0].tolist())) == 5
    assert not (found[0] == found[2]).any() and not (found[0] == found[3]).any()


def test_gaussian_noise_leaves_the_ball() -> None:
    module, batch = LinearSoftmax(), make_batch(rows=40)
    term_of(RandomPerturbation(ball=BALL, distribution="gaussian"), module, batch)
    sizes = BALL.size(module.shifts[0])[batch["perturbable"]]
    assert sizes.max() > 0.4 and sizes.square().mean().sqrt().item() == pytest.approx(0.4, rel=0.15)
