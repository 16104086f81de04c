"""Times the parts of a short training and test, from which the length of a whole one is told."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from xltrobust.files import write_json

_WARM = 2  # the first steps are slower


class Stopwatch(pl.Callback):
    """Ends a training early and writes, after the test, how long a batch and a validation took.

    The training is planned as a whole one: what depends on its length, such as the size of batches of pairs, is as
    there.

    Args:
        path: the JSON file.
        batches: after so many the training ends.
    """

    def __init__(self, path: str, batches: int) -> None:
        self.path, self.batches = Path(path), batches
        self.steps: list[float] = []
        self.record: dict[str, float] = {}
        self._at = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        self._at = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.steps.append(time.perf_counter() - self._at)
        trainer.should_stop = trainer.should_stop or len(self.steps) >= self.batches

    def on_validation_start(self, *_: Any) -> None:
        self._at = time.perf_counter()

    def on_validation_end(self, *_: Any) -> None:
        self.record["validation"] = time.perf_counter() - self._at

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self.record |= {
            "step": statistics.median(self.steps[_WARM:] or self.steps),
            "steps": len(self.steps),
            "steps_in_epoch": len(data.train_dataloader()),
        }

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        write_json(self.record, self.path)
