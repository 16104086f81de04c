"""What a regularizer says that it costs is what is counted; what is not needed is not computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from models.test_classifier import make, trainer
from regularizers.catalogue import ALIGNMENT, BALL, REGULARIZERS, TYPOS, tiny_corpus

from conftest import run_command, write_tiny_config
from xltrobust.models.passes import PLAIN, Passes
from xltrobust.regularizers import (
    R3F,
    AdversarialTraining,
    DataAugmentation,
    GradientShare,
    RandomPerturbation,
    VirtualAdversarial,
)

SHARE = GradientShare(share=0.5, steps=1)


def counted(encoder: Path, task: Path, *regularizers, **options) -> tuple[Passes, int]:
    """Tokens that passed in two steps, and those of the two batches."""
    module, data = make(encoder, task, **options)
    tokens = 0

    def on_train_batch_start(batch, batch_idx) -> None:
        nonlocal tokens
        tokens += int(batch["attention_mask"].sum())

    module.on_train_batch_start = on_train_batch_start  # type: ignore[method-assign]
    own = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=1)
    own.callbacks += regularizers
    own.fit(module, datamodule=data)
    return module.total_passes(), tokens


@pytest.mark.parametrize(("frozen", "weight"), [(False, None), (True, SHARE)])
@pytest.mark.parametrize("name", [name for name in REGULARIZERS if name not in ("rs-da", "consistency", "extra")])
def test_the_cost_declared_is_the_cost_counted(
    tiny_encoder: Path, tiny_task: Path, name: str, frozen: bool, weight: GradientShare | None
) -> None:
    own = REGULARIZERS[name]()
    if weight is not None and own.task_share and name != "smart, proximal":  # whose first gradient is 0
        own.weight = weight
    passes, tokens = counted(tiny_encoder, tiny_task, own, freeze_embeddings=frozen)
    needs_clean = own.task_share > 0
    expected = own.cost.plus(PLAIN) if needs_clean else own.cost
    assert passes == Passes(*(tokens * number for number in expected))


@pytest.mark.parametrize(("frozen", "weight"), [(False, None), (True, SHARE)])
@pytest.mark.parametrize("name", list(ALIGNMENT))
def test_the_cost_of_pairs_declared_is_the_cost_counted(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, name: str, frozen: bool, weight: GradientShare | None
) -> None:
    module, data = make(tiny_encoder, tiny_task, freeze_embeddings=frozen)
    data.parallel = tiny_corpus(tiny_pairs)
    own, tokens, of_pairs, of_sources = ALIGNMENT[name](), 0, 0, 0
    own.weight = weight or own.weight

    def on_train_batch_start(batch, batch_idx) -> None:
        nonlocal tokens, of_pairs, of_sources
        mask = batch["pairs"]["attention_mask"]
        tokens, of_pairs = tokens + int(batch["attention_mask"].sum()), of_pairs + int(mask.sum())
        of_sources += int(mask[: len(mask) // 2].sum())

    module.on_train_batch_start = on_train_batch_start  # type: ignore[method-assign]
    fit = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=1)
    fit.callbacks.append(own)
    fit.fit(module, datamodule=data)
    expected = Passes(*(tokens * number for number in PLAIN))
    expected = expected.plus(Passes(*(of_pairs * number for number in own.pair_cost)))
    assert module.total_passes() == expected.plus(Passes(*(of_sources * number for number in own.source_cost)))
    assert of_sources < of_pairs and bool(module.measured_shares) == (weight is not None)


def test_regularizers_that_read_the_pairs_share_one_pass(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    found = []
    for names in (["sentences, mse"], ["sentences, mse", "words, weak"]):
        module, data = make(tiny_encoder, tiny_task)
        data.parallel = tiny_corpus(tiny_pairs)
        fit = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=1)
        fit.callbacks += [ALIGNMENT[name]() for name in names]
        fit.fit(module, datamodule=data)
        found.append(module.total_passes())
    assert found[0] == found[1]


def test_plain_training_is_one_forward_and_one_backward_pass(tiny_encoder: Path, tiny_task: Path) -> None:
    passes, tokens = counted(tiny_encoder, tiny_task)
    assert passes == Passes(tokens, tokens, 0)


def test_a_second_regularizer_that_asks_for_the_clean_pass_gets_it(tiny_encoder: Path, tiny_task: Path) -> None:
    adv, r3f = AdversarialTraining(ball=BALL), R3F(ball=BALL)
    passes, tokens = counted(tiny_encoder, tiny_task, adv, r3f)
    assert passes == Passes(*(tokens * number for number in adv.cost.plus(r3f.cost).plus(PLAIN)))


def test_a_kept_clean_text_and_a_longer_view_are_counted(tiny_encoder: Path, tiny_task: Path) -> None:
    plain, _ = counted(tiny_encoder, tiny_task)
    passes, tokens = counted(tiny_encoder, tiny_task, DataAugmentation(view=TYPOS, keep_clean=True))
    assert passes == Passes(tokens, tokens, 0)
    assert 1.8 * plain.forwards < passes.forwards < 2.2 * plain.forwards


def test_two_that_replace_the_task_loss_are_refused_with_the_reason(tiny_encoder: Path, tiny_task: Path) -> None:
    with pytest.raises(ValueError, match="adversarial_training and random_perturbation both replace the task"):
        counted(tiny_encoder, tiny_task, AdversarialTraining(), RandomPerturbation())
    passes, tokens = counted(tiny_encoder, tiny_task, AdversarialTraining(), VirtualAdversarial(), R3F())
    assert passes == Passes(6 * tokens, 4 * tokens, 2 * tokens)


def test_the_command_refuses_in_one_line(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    both = [{"class_path": f"xltrobust.regularizers.{name}"} for name in ("AdversarialTraining", "FreeLB")]
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, callbacks=both)
    done = run_command("fit", "--config", config, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "adversarial_training and free_lb both replace the task loss" in done.stderr
