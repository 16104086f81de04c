"""What Lightning, logging and loading cost on top of a bare PyTorch loop over the same batches.

    python benchmarks/fit_overhead.py [--encoder bundled] [--steps 30] [--rounds 5] [--json FILE]

Both sides take the same optimizer steps on the same batches of English voice commands. The bare loop has its batches
in a list; ours goes through the trainer, with data loader, metrics and CSV logger. Runs alternate (A B A B …). Reported
are medians, and the share of a step that loading alone takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch.nn import functional as F

from xltrobust.datamodules import HomeAssistantIntents
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.optimizer import linear_schedule, parameter_groups


class Stopwatch(pl.Callback):
    """Seconds from the start of the first training batch to the end of the last."""

    def on_train_epoch_start(self, *_: Any) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self, *_: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def through_trainer(module: RobustClassifier, data: HomeAssistantIntents, steps: int) -> float:
    """Seconds per step of ``Trainer.fit``."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_epochs=1, limit_train_batches=steps, limit_val_batches=0, callbacks=[watch], accelerator="cpu",
            logger=CSVLogger(folder), enable_progress_bar=False, enable_model_summary=False,
            enable_checkpointing=False, use_distributed_sampler=False, log_every_n_steps=10,
        )  # fmt: skip
        trainer.fit(module, datamodule=data)
    return watch.seconds / steps


def bare(module: RobustClassifier, batches: list[dict[str, Any]]) -> float:
    """Seconds per step of the same computation without a framework."""
    options = module.hparams
    groups = parameter_groups(module, "encoder.", options["encoder_lr"], options["head_lr"], options["weight_decay"])
    optimizer = torch.optim.AdamW(groups, fused=True)
    schedule = linear_schedule(optimizer, len(batches), options["warmup"])
    module.train()
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        F.cross_entropy(module(batch).logits, batch["labels"]).backward()
        optimizer.step()
        schedule.step()
    return (time.perf_counter() - start) / len(batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    pl.seed_everything(0)
    data = HomeAssistantIntents(tokenizer=given.encoder, languages=["de"], batch_size=given.batch_size)
    module = RobustClassifier(encoder=given.encoder, labels=data.labels, freeze_embeddings=True, pooling="mean")
    loader = data.train_dataloader()
    batches = [batch for _, batch in zip(range(given.steps), loader, strict=False)]
    bare(module, batches[:5])  # warm up
    ours, reference, loading = [], [], []
    for _ in range(given.rounds):
        ours.append(through_trainer(module, data, len(batches)))
        reference.append(bare(module, batches))
        start = time.perf_counter()
        loaded = sum(1 for _ in zip(range(len(batches)), data.train_dataloader(), strict=False))
        loading.append((time.perf_counter() - start) / loaded)
    rows = [
        row("training step", ours, reference, "s/step"),
        row("loading alone, share of a bare step", loading, reference, "s/step"),
    ]
    print(f"{'':40} {'ours':>10} {'reference':>10} {'ratio':>7}")
    for line in rows:
        print(f"{line['name']:40} {line['ours']:10.4f} {line['reference']:10.4f} {line['ratio']:7.3f}")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


def row(name: str, ours: list[float], reference: list[float], unit: str) -> dict[str, Any]:
    """One row of the table: medians, and the median of the ratios within each round."""
    ratio = statistics.median(a / b for a, b in zip(ours, reference, strict=True))
    medians = {"ours": statistics.median(ours), "reference": statistics.median(reference)}
    return {"name": name, **medians, "ratio": ratio, "unit": unit, "runs": len(ours)}


if __name__ == "__main__":
    main()
