"""A whole run's length is told from a short one's."""

from __future__ import annotations

from typing import Any

import pytest

from xltrobust.study.trials import estimate, planned, shared_data, trial_config

MEASURED = {"step": 0.5, "steps": 8, "steps_in_epoch": 40, "validation": 3.0}
CONFIG: dict[str, Any] = {
    "seed_everything": 1,
    "run_dir": "run",
    "model": {"encoder": "e", "max_passes": None},
    "data": {"class_path": "Task", "init_args": {"max_test_examples": 100}},
    "trainer": {"max_epochs": 3, "max_steps": -1, "callbacks": None},
    "adversarial": {"max_examples": 50, "every_n_epochs": 2},
    "averaging": {"last": 5, "decay": None},
}


@pytest.mark.parametrize(
    ("model", "trainer", "steps"),
    [
        ({}, {}, 120),  # 3 epochs of 40
        ({}, {"max_steps": 30, "accumulate_grad_batches": 2}, 60),  # optimizer steps of two batches
        ({"max_passes": 5}, {"max_epochs": None}, 100),  # 8 steps cost 0.4 passes
        ({}, {"max_epochs": None, "max_steps": 70}, 70),
    ],
)
def test_steps_of_a_training(model: dict, trainer: dict, steps: float) -> None:
    config = CONFIG | {"model": CONFIG["model"] | model, "trainer": CONFIG["trainer"] | trainer}
    assert planned(config, MEASURED, passes=0.4) == pytest.approx((steps, steps / 40))


def test_parts_are_scaled_by_what_the_trial_did_of_them() -> None:
    results = {
        "passes": {"plain_passes": 0.4},
        "data": {"examples": {"test": {"en": 8, "de": 8}}, "examples_before_cap": {"test": {"en": 500, "de": 400}}},
        "seconds": {"fit": 20.0, "test": 10.0},
        "attacks": {"typo": {"seconds": 4.0}},
    }
    found = estimate(CONFIG, MEASURED, results, seconds=27.0)
    assert found["training"] == 120 * 0.5 + 3 * 3.0
    assert found["testing"] == 6.0 * 100 / 8  # the cell tests 100 examples of a language
    assert found["attacks"] == 4.0 * 50 / 4
    assert found["starting"] == 27.0 - 8 * 0.5 - 3.0 - 10.0
    assert found["seconds"] == found["training"] + found["testing"] + found["attacks"] + found["starting"]


def test_a_trial_leaves_the_cells_configuration_as_it_is(tmp_path: Any) -> None:
    short = trial_config(CONFIG, tmp_path / "trial")
    assert CONFIG["trainer"]["callbacks"] is None and CONFIG["data"]["init_args"]["max_test_examples"] == 100
    assert short["data"]["init_args"]["max_test_examples"] == 8 and short["adversarial"]["max_examples"] == 4
    assert short["averaging"] == {"last": None, "decay": None} and short["test_weights"] == "last"


def test_data_are_shared_by_cells_that_differ_in_nothing_that_is_prepared() -> None:
    same = CONFIG | {"seed_everything": 2, "trainer": {"max_epochs": 9}}
    assert shared_data(CONFIG) == shared_data(same)
    other = CONFIG | {"trainer": {"callbacks": [{"class_path": "CodeSwitching"}]}}
    assert shared_data(CONFIG) != shared_data(other)
