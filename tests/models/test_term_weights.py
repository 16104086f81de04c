"""A share sets a term's weight by gradients at the encoder's output, measured over the first steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from models.test_classifier import make, trainer
from pytorch_lightning.plugins.precision import MixedPrecision
from regularizers.catalogue import BALL, TYPOS, tiny_corpus
from regularizers.test_base import PullTowards
from regularizers.test_equivalence import Batches, halves
from torch import Tensor
from torch.nn import functional as F

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.gradient_share import MeasuredShare
from xltrobust.regularizers import (
    R3F,
    AdversarialTraining,
    Ball,
    ConsistencyRegularization,
    FreeLB,
    GradientShare,
    RandomPerturbation,
    Regularizer,
    SentenceAlignment,
)
from xltrobust.regularizers.divergence import symmetric_kl

# Nothing moves and nothing is random, so that gradients can be computed again.
STILL: dict[str, Any] = {"encoder_lr": 0.0, "head_lr": 0.0, "dropout": 0.0}


def fit(
    encoder: Path, task: Path, *regularizers: Regularizer, pairs: Path | None = None, batches: int = 3,
    model: dict[str, Any] = STILL, **options: Any,
) -> tuple[RobustClassifier, list[dict[str, Any]]]:  # fmt: skip
    """A trained model and the batches that it was trained on."""
    module, data = make(encoder, task, **model)
    if pairs is not None:
        data.parallel = tiny_corpus(pairs)
    seen: list[dict[str, Any]] = []
    module.on_train_batch_start = lambda batch, _: seen.append(batch)  # type: ignore[method-assign, misc]
    own = trainer(**{"max_epochs": 1, "limit_train_batches": batches, "limit_val_batches": 0} | options)
    own.callbacks += regularizers
    own.fit(module, datamodule=data)
    return module, seen


def hidden(module: RobustClassifier, batch: dict[str, Any]) -> Tensor:
    return module.encode(module.embed(batch), batch).detach().requires_grad_()


def of_alignment(module: RobustClassifier, batch: dict[str, Any], clean: Tensor) -> tuple[Tensor, list[Tensor]]:
    pairs = hidden(module, batch["pairs"])
    return F.mse_loss(*module.pool(pairs, batch["pairs"]).chunk(2)), [pairs]


def of_consistency(module: RobustClassifier, batch: dict[str, Any], clean: Tensor) -> tuple[Tensor, list[Tensor]]:
    view = batch["views"]["consistency_regularization"]
    other = hidden(module, view)
    logits = [module.classify(module.pool(own, inputs)) for own, inputs in ((clean, batch), (other, view))]
    return symmetric_kl(*logits).mean(), [clean, other]


@pytest.mark.parametrize(
    ("regularizer", "term_of"),
    [
        (lambda weight: SentenceAlignment(loss="mse", weight=weight), of_alignment),
        (lambda weight: ConsistencyRegularization(view=TYPOS, weight=weight), of_consistency),
    ],
    ids=["pairs", "two passes"],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_on_the_measured_steps_the_term_s_gradient_has_the_share(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, frozen: bool,
    regularizer: Callable[[GradientShare], Regularizer], term_of: Callable[..., tuple[Tensor, list[Tensor]]],
) -> None:  # fmt: skip
    own = regularizer(GradientShare(share=0.7, steps=2))
    module, batches = fit(
        tiny_encoder, tiny_task, own, pairs=tiny_pairs, model=STILL | {"freeze_encoder": frozen, "pooling": "mean"}
    )
    squares = torch.zeros(2, dtype=torch.float64)
    for batch in batches[:2]:
        clean = hidden(module, batch)
        task = F.cross_entropy(module.classify(module.pool(clean, batch)), batch["labels"])
        term, outputs = term_of(module, batch, clean)
        for at, (quantity, inputs) in enumerate([(task, [clean]), (term, outputs)]):
            squares[at] += sum(
                own.double().square().sum() for own in torch.autograd.grad(quantity, inputs, retain_graph=True)
            )
    found = module.share_records()[own.name]
    assert (found["steps"], found["of_steps"], found["weight_given"]) == (2, 2, False)
    assert found["weight"] * squares[1].sqrt().item() == pytest.approx(0.7 * squares[0].sqrt().item(), rel=1e-4)
    norms = (squares / 2).sqrt().tolist()
    assert [found["task_gradient"], found["term_gradient"]] == pytest.approx(norms, rel=1e-4)
    assert module.trainer.callback_metrics[f"train/{own.name}_weight"] == pytest.approx(found["weight"])


def test_accumulated_batches_are_measured_as_one(
    tiny_encoder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = GradientShare(share=0.5, steps=2)
    module, whole = fit(tiny_encoder, tiny_task, R3F(ball=BALL, weight=share))
    expected = module.share_records()["r3f"]
    module, data = make(tiny_encoder, tiny_task, **STILL)
    loader = torch.utils.data.DataLoader(Batches([half for batch in whole for half in halves(batch)]), None)
    monkeypatch.setattr(data, "train_dataloader", lambda: loader)
    own = trainer(max_epochs=1, limit_val_batches=0, accumulate_grad_batches=2, max_steps=3)
    own.callbacks.append(R3F(ball=BALL, weight=share))
    own.fit(module, datamodule=data)
    found = module.share_records()["r3f"]
    assert found == pytest.approx(expected, rel=1e-4) and found["steps"] == 2


def test_a_fixed_weight_s_share_is_measured_on_request_and_changes_nothing(tiny_encoder: Path, tiny_task: Path) -> None:
    def state(measure: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        model = {"encoder_lr": 1e-3, "measure_shares": measure}
        module, _ = fit(tiny_encoder, tiny_task, R3F(ball=BALL, weight=0.5), FreeLB(ball=BALL), model=model)
        return module.state_dict(), module.share_records()

    (plain, nothing), (measured, records) = state(0), state(2)
    assert nothing == {} and all(torch.equal(plain[name], values) for name, values in measured.items())
    assert records["r3f"]["steps"] == 0  # FreeLB's gradient is not at the encoder's output
    module, _ = fit(tiny_encoder, tiny_task, R3F(ball=BALL, weight=0.5), model=STILL | {"measure_shares": 2})
    found = module.share_records()["r3f"]
    assert found["weight"] == 0.5 and found["weight_given"] and found["steps"] == 2
    shared, _ = fit(tiny_encoder, tiny_task, R3F(ball=BALL, weight=GradientShare(share=found["share"], steps=2)))
    assert shared.share_records()["r3f"]["weight"] == pytest.approx(0.5)


def test_a_loss_in_the_task_s_place_is_what_the_share_is_of(tiny_encoder: Path, tiny_task: Path) -> None:
    """Without a perturbation, it is the task's loss of another pass."""

    def weight(*others: Regularizer) -> float:
        own = ConsistencyRegularization(view=TYPOS, weight=GradientShare(share=0.5, steps=2))
        module, _ = fit(tiny_encoder, tiny_task, own, *others)
        return module.share_records()[own.name]["weight"]

    still = Ball(epsilon=0.0)
    assert weight(RandomPerturbation(ball=still)) == pytest.approx(weight(), rel=1e-4)
    assert weight(RandomPerturbation(ball=still, weight=3.0)) == pytest.approx(3 * weight(), rel=1e-4)
    assert weight(RandomPerturbation(ball=still, clean_share=0.5, weight=GradientShare(share=1.0, steps=2))) == (
        pytest.approx(weight() * math.sqrt(0.5), rel=1e-4)  # halves of the loss at two outputs
    )


class Sometimes(Regularizer):
    """None in every other step, and of no gradient in the first one."""

    def term(self, module: Any, batch: dict[str, Any], output: Any) -> Tensor | None:
        step = module.trainer.global_step
        return None if step % 2 else min(step, 1) * output.pooled.square().mean()


def test_steps_without_the_term_do_not_count(tiny_encoder: Path, tiny_task: Path) -> None:
    module, _ = fit(tiny_encoder, tiny_task, Sometimes(weight=GradientShare(share=0.5, steps=3)), batches=7)
    own = module.measured_shares["sometimes"]
    assert (own.measured, own.last_step) == (3, 4) and own.weight > 0
    module, _ = fit(tiny_encoder, tiny_task, Sometimes(weight=GradientShare(share=0.5, steps=3)), batches=1)
    assert module.share_records()["sometimes"]["weight"] == 0  # nothing is known yet


@pytest.mark.parametrize("scale", [2.0**14, 2.0**30])
def test_half_precision_measures_what_overflows_at_the_scale_of_the_loss(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, scale: float
) -> None:
    def measured(**options: Any) -> MeasuredShare:
        own = SentenceAlignment(weight=GradientShare(share=0.5, steps=2))
        module, _ = fit(tiny_encoder, tiny_task, own, pairs=tiny_pairs, batches=2, **options)
        return module.measured_shares[own.name]

    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    own = measured(plugins=[MixedPrecision("16-mixed", "cpu", scaler)])  # type: ignore[arg-type]
    assert own.measured == 2 and own.weight == pytest.approx(measured().weight, rel=0.1)


SHARE = GradientShare(share=0.5, steps=1)


@pytest.mark.parametrize(
    ("regularizers", "message"),
    [
        ([lambda: AdversarialTraining(weight=SHARE)], "it takes the whole place of the task's loss"),
        ([lambda: SentenceAlignment(weight=SHARE, pretraining_share=0.1)], "it is trained before the task"),
        ([lambda: PullTowards(weight=SHARE)], "output, where the term has none: give a number"),
        ([FreeLB, lambda: R3F(weight=SHARE)], "where the loss that stands in for the task's has none"),
        ([lambda: R3F(ball=Ball(epsilon=0), weight=SHARE)], "was 0 in all 1 steps"),
    ],
)
def test_shares_that_mean_nothing_are_refused(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, regularizers: list[Callable[[], Regularizer]], message: str
) -> None:
    with pytest.raises(IncompatibleRegularizer, match=message):
        fit(tiny_encoder, tiny_task, *(own() for own in regularizers), pairs=tiny_pairs)


def test_a_checkpoint_s_measurement_is_taken_unless_it_is_behind_or_of_another_weight(
    tiny_encoder: Path, tiny_task: Path
) -> None:
    own = R3F(ball=BALL, weight=GradientShare(share=0.5, steps=2))
    module, _ = fit(tiny_encoder, tiny_task, own)
    known = module.share_records()
    checkpoint: dict[str, Any] = {"state_dict": {}}
    module.on_save_checkpoint(checkpoint | {"state_dict": dict(module.state_dict())})
    stored = {"share": 0.5, "fixed": None, "steps": 2, "measured": 1, "last_step": 0, "task": 1.0, "term": 1.0}
    module.on_load_checkpoint(checkpoint | {"gradient_shares": {"r3f": stored}})
    assert module.share_records() == known
    fresh, _ = make(tiny_encoder, tiny_task)
    fresh.on_load_checkpoint({"state_dict": {}, "gradient_shares": {"r3f": stored}})
    assert fresh.measured_shares["r3f"] == MeasuredShare(**stored) and fresh.share_records()["r3f"]["weight"] == 0.5
    assert not MeasuredShare(**stored).sets(0.5) and MeasuredShare(**stored).sets(GradientShare(share=0.5, steps=2))


@pytest.mark.parametrize(("option", "value"), [("share", 0.0), ("share", math.inf), ("steps", 0)])
def test_bad_arguments_are_named(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected argument `{option}`"):
        GradientShare(**{"share": 0.5, option: value})  # type: ignore[arg-type]
