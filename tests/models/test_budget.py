"""A budget of passes ends the training, and the schedule ends with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import REGULARIZERS

from conftest import run_command, write_tiny_config
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.models.optimizer import linear_factor


@pytest.mark.parametrize("name", [None, "adv", "freelb", "rs-da"])
def test_training_ends_at_its_budget(tiny_encoder: Path, tiny_task: Path, name: str | None) -> None:
    module, data = make(tiny_encoder, tiny_task, max_passes=2.5, encoder_lr=1e-3, warmup=0.2)
    fitting = trainer(max_epochs=-1, limit_val_batches=1)
    if name is not None:
        fitting.callbacks.append(REGULARIZERS[name]())
    rates: list[tuple[float, float]] = []
    step = module.lr_scheduler_step

    def recorded(scheduler, metric) -> None:
        step(scheduler, metric)
        rates.append((module.used_passes, scheduler.get_last_lr()[0]))

    module.lr_scheduler_step = recorded  # type: ignore[method-assign]
    fitting.fit(module, datamodule=data)
    used = module.training_cost()["plain_passes"]
    step_cost = rates[-1][0] - rates[-2][0]
    assert 2.5 <= used <= 2.5 + step_cost * 1.5 and rates[-2][0] < 2.5
    for passes, rate in rates:
        assert rate == pytest.approx(1e-3 * linear_factor(passes, 2.5, 0.2))
    assert rates[-1][1] == 0 and max(rate for _, rate in rates) > 7e-4
    assert MultilingualEvaluation.of(fitting).history.epochs  # the last, broken epoch is validated too
    steps = {None: 2.5 * 120 / 16, "adv": 2.5 * 120 / 16 * 3 / 5}  # five units a step in place of three
    if name in steps:
        assert fitting.global_step == pytest.approx(steps[name], abs=2)


def test_a_budget_and_epochs_are_not_both_given(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task)
    done = run_command("fit", "--config", config, "--model.max_passes", 2, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "model.max_passes and trainer.max_epochs both say when training ends" in done.stderr
    done = run_command("fit", "--config", config, "--model.max_passes", -1, "--trainer.max_epochs", "null", check=False)
    assert done.returncode == 2 and "Expected argument `max_passes` to be positive" in done.stderr


def test_a_checkpoint_without_the_task_steps_does_not_say_how_many(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path
) -> None:
    """Earlier versions did not count them."""
    module, data = make(tiny_encoder, tiny_task)
    once = trainer(max_epochs=1, limit_train_batches=6, limit_val_batches=0, accumulate_grad_batches=2)
    once.fit(module, datamodule=data)
    assert (module.training_cost()["task_steps"], module.training_cost()["task_examples"]) == (3, 96)
    once.save_checkpoint(tmp_path / "a.ckpt")
    stored = torch.load(tmp_path / "a.ckpt", weights_only=True)
    for known in (True, False):
        if not known:
            del stored["passes"]["task_steps"], stored["passes"]["task_examples"]
        torch.save(stored, tmp_path / "b.ckpt")
        module, data = make(tiny_encoder, tiny_task)
        again = trainer(max_epochs=2, limit_train_batches=6, limit_val_batches=0, accumulate_grad_batches=2)
        again.fit(module, datamodule=data, ckpt_path=tmp_path / "b.ckpt")
        again.save_checkpoint(tmp_path / "c.ckpt")
        for cost in (module.training_cost(), torch.load(tmp_path / "c.ckpt", weights_only=True)["passes"]):
            task = {name: value for name, value in cost.items() if name.startswith("task_")}
            assert task == ({"task_steps": 6, "task_examples": 192} if known else {})
