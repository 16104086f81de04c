"""Kills the process at the moment in ``KILL_AT`` (``hook:count``), with the signal in ``KILL_WITH`` or SIGKILL."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytorch_lightning as pl


class Killer(pl.Callback):
    """Counts the calls of a hook, and kills the process at the last; without ``KILL_AT`` it does nothing."""

    def __init__(self) -> None:
        self.hook, _, count = os.environ.get("KILL_AT", ":0").partition(":")
        self.left = int(count)

    def _called(self, hook: str) -> None:
        if hook == self.hook:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.Signals[os.environ.get("KILL_WITH", "SIGKILL")])

    def on_train_batch_end(self, *_: Any) -> None:
        self._called("train_batch_end")

    def on_validation_start(self, *_: Any) -> None:
        self._called("validation_start")

    def on_validation_batch_end(self, *_: Any) -> None:
        self._called("validation_batch_end")

    def on_train_epoch_end(self, *_: Any) -> None:
        self._called("train_epoch_end")

    def on_train_epoch_start(self, *_: Any) -> None:
        self._called("train_epoch_start")

    def on_test_batch_end(self, *_: Any) -> None:
        self._called("test_batch_end")
