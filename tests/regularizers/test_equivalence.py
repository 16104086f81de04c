"""Accumulation, devices and kills change nothing that a regularizer does: its noise is keyed by example."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from forking import forking
from models.test_classifier import make, trainer
from regularizers.catalogue import REGULARIZERS
from test_resume import assert_equal, outcome

from conftest import run_command, write_tiny_config
from xltrobust.regularizers import GradientShare

TYPO_VIEW = {"perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"}, "rate": 0.2}
MANY = [
    {"class_path": "xltrobust.regularizers.DataAugmentation", "init_args": {"view": TYPO_VIEW}},
    {"class_path": "xltrobust.regularizers.ConsistencyRegularization", "init_args": {"view": TYPO_VIEW}},
    {
        "class_path": "xltrobust.regularizers.AdversarialTraining",
        "init_args": {"ball": {"epsilon": 0.3, "warmup": 0.5}, "steps": 2, "start": "random", "clean_share": 0.5},
    },
    {"class_path": "xltrobust.regularizers.SmoothnessInducing", "init_args": {"ball": {"epsilon": 0.1}}},
    {"class_path": "xltrobust.regularizers.VirtualAdversarial"},
    {"class_path": "xltrobust.regularizers.R3F", "init_args": {"weight": {"share": 0.2, "steps": 2}}},
]
PAIRS = [
    {"class_path": "xltrobust.regularizers.CodeSwitching", "init_args": {"words": 0.3}},
    {"class_path": "xltrobust.regularizers.SentenceAlignment", "init_args": {"weight": {"share": 0.5, "steps": 5}}},
    {"class_path": "xltrobust.regularizers.WordAlignment", "init_args": {"keep": 0.5}},
    {"class_path": "xltrobust.evaluation.alignment.AlignmentDiagnostics"},
]
FREELB = [{"class_path": "xltrobust.regularizers.FreeLB", "init_args": {"ball": {"epsilon": 0.3}}}]


class Batches(torch.utils.data.IterableDataset):
    """Batches made beforehand."""

    def __init__(self, batches: list[dict]) -> None:
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def halves(batch: dict) -> list[dict]:
    return [
        {name: halves(value)[at] if isinstance(value, dict) else value[8 * at : 8 * at + 8]
         for name, value in batch.items()}
        for at in (0, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in REGULARIZERS if name not in ("rs-da", "extra")])
def test_accumulating_two_batches_equals_one_of_twice_the_size(
    tiny_encoder: Path, tiny_task: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[dict] = []
    module, data = make(tiny_encoder, tiny_task, dropout=0.0)
    collect = trainer(max_epochs=1, limit_train_batches=3, limit_val_batches=0)
    collect.callbacks.append(REGULARIZERS[name]())
    monkeypatch.setattr(module, "on_train_batch_start", lambda batch, _: whole.append(batch))
    collect.fit(module, datamodule=data)
    weights = []
    for accumulate in (1, 2):
        batches = whole if accumulate == 1 else [half for batch in whole for half in halves(batch)]
        module, data = make(tiny_encoder, tiny_task, dropout=0.0)
        monkeypatch.setattr(module, "configure_optimizers", lambda m=module: torch.optim.SGD(m.parameters(), 0.05))
        monkeypatch.setattr(data, "train_dataloader", lambda b=batches: torch.utils.data.DataLoader(Batches(b), None))
        own = trainer(max_epochs=1, limit_val_batches=0, accumulate_grad_batches=accumulate, max_steps=3)
        own.callbacks.append(REGULARIZERS[name]())
        own.fit(module, datamodule=data)
        assert own.global_step == 3
        weights.append({key: value.clone() for key, value in module.state_dict().items()})
    start = make(tiny_encoder, tiny_task, dropout=0.0)[0].state_dict()
    assert not torch.allclose(weights[0]["out.weight"], start["out.weight"], atol=1e-3)
    for key, value in weights[0].items():
        assert torch.allclose(weights[1][key], value, atol=1e-5), key


def config_with(folder: Path, encoder: Path, data: Path, pairs: Path, callbacks: list[dict], **model: object) -> Path:
    folder.mkdir()
    path = write_tiny_config(folder / "config.yaml", encoder, data, pairs, callbacks=callbacks)
    config = yaml.safe_load(path.read_text())
    config["model"] |= model
    config["trainer"]["logger"] = False
    path.write_text(yaml.safe_dump(config))
    return path


def trained(config: Path) -> tuple[dict[str, torch.Tensor], dict]:
    run = config.parent / "run"
    stored = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    return stored["state_dict"], json.loads((run / "results.json").read_text(encoding="utf8"))


@pytest.mark.parametrize("callbacks", [MANY, FREELB, PAIRS], ids=["many", "freelb", "pairs"])
def test_two_processes_train_as_one(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, callbacks: list[dict]
) -> None:
    """Also to the end of a budget, which both have to see at the same step."""
    found = []
    for devices in (1, 2):
        # Plain gradients in effect: Adam would blow up the rounding of attention's keys' bias.
        options = {"dropout": 0.0, "max_passes": 2.5, "encoder_lr": 1e-3, "head_lr": 1e-3}
        config = config_with(tmp_path / str(devices), tiny_encoder, tiny_task, tiny_pairs, callbacks, **options)
        own = yaml.safe_load(config.read_text())
        own["data"]["init_args"]["batch_size"] = 16 // devices
        own["trainer"] |= {"devices": devices, "max_epochs": None}
        config.write_text(yaml.safe_dump(own))
        run_command("fit", "--config", config)
        found.append(trained(config))
    (one, results), (two, both_results) = found
    assert both_results["passes"] == results["passes"] and both_results["pairs"] == results["pairs"]
    assert (results["pairs"] is not None) == (callbacks is PAIRS)
    assert 2.5 <= results["passes"]["plain_passes"] < 4.3  # a step of many takes up to 1.8
    figures = [
        {name: value for name, value in own["figures"].items() if "retrieval" in name}
        for own in (results, both_results)
    ]
    assert figures[1] == pytest.approx(figures[0]) and bool(figures[0]) == (callbacks is PAIRS)
    assert set(both_results["gradient_shares"]) == set(results["gradient_shares"])
    for name, own in results["gradient_shares"].items():
        assert own["weight"] > 0 and both_results["gradient_shares"][name] == pytest.approx(own, rel=1e-3), name
    for name, value in one.items():
        assert torch.allclose(two[name], value, atol=1e-4) or name.endswith("key.bias"), name


@pytest.mark.parametrize("moment", ["train_batch_end:5", "test_batch_end:2"])
def test_a_killed_run_ends_as_if_it_had_not_been(
    tmp_path: Path, tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, moment: str
) -> None:
    configs = []
    with forking(tmp_path) as command:
        for kill in (None, moment):
            callbacks = [*MANY, *PAIRS, {"class_path": "killer.Killer"}]
            config = config_with(tmp_path / str(kill), tiny_encoder, tiny_task, tiny_pairs, callbacks, max_passes=9)
            own = yaml.safe_load(config.read_text())
            own["trainer"]["max_epochs"] = None
            own["last_checkpoint"] = {"every_n_train_steps": 2}
            config.write_text(yaml.safe_dump(own))
            if kill:
                assert command.fit("--config", config, KILL_AT=kill) == -9, command.stderr
            assert command.fit("--config", config) == 0, command.stderr
            configs.append(config)
    whole, killed = configs
    assert_equal(killed, outcome(whole), moment)
    for name in ("passes", "pairs", "gradient_shares"):
        assert trained(killed)[1][name] == trained(whole)[1][name]


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
@pytest.mark.parametrize("name", REGULARIZERS)
def test_reduced_precision_trains(tiny_encoder: Path, tiny_task: Path, name: str, precision: str) -> None:
    module, data = make(tiny_encoder, tiny_task)
    options = {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 1, "gradient_clip_val": 1.0}
    fitting = trainer(precision=precision, **options)
    own = REGULARIZERS[name]()
    if own.task_share and name != "rs-da" and not name.startswith("smart"):  # whose first gradients are rounded to 0
        own.weight = GradientShare(share=0.5, steps=1)
    fitting.callbacks.append(own)
    pl.seed_everything(3)
    fitting.fit(module, datamodule=data)
    assert torch.isfinite(module.out.weight).all()
