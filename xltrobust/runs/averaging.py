"""Averaged weights: the mean of a training's weights at several moments, kept beside the weights that are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor

from xltrobust.errors import UserError
from xltrobust.reading import checkpoint_errors
from xltrobust.runs.folder import AVERAGED

Weights = dict[str, Tensor]


class CheckpointAveraging(pl.Callback):
    """Averages the trained weights over moments of the training; the training itself does not change.

    Either the mean of the weights at the ends of the last ``last`` epochs (``every`` takes steps in place of epochs),
    or an exponential mean of the weights after every optimizer step: step i of n counts decay^(n - i), and the
    weights at the start count nothing. ``checkpoints/averaged.ckpt`` holds the mean from the end of the first epoch on,
    and is written anew at the end of each. A training that ends within an epoch ends that epoch. A stage that is
    trained without the task (``pretraining_share``) is left out. The training state that a run resumes from
    (``last.ckpt``) holds what the mean is made of: ``last`` copies of the trained weights, or one.

    Lightning's ``WeightAveraging`` is not used. It validates the averaged weights, while the best checkpoint gets the
    trained ones; it puts the averaged weights in the place of the trained ones when training ends, and in every state
    saved on the way; frozen embeddings are copied too; and it has no mean of the last k.

    Args:
        last: number of moments whose weights are averaged. None, without ``decay``, averages nothing.
        every: steps from one moment to the next; None takes the ends of epochs.
        decay: of the exponential mean, between 0 and 1, in place of ``last``.

    Attributes:
        dirpath: folder of the checkpoint; None is ``checkpoints`` in the trainer's default folder.

    Raises:
        ValueError: if a number is out of range, both ``last`` and ``decay`` are given, or ``every`` without ``last``.

    References:
        - Schmidt, Vulić & Glavaš. Free lunch: robust cross-lingual transfer via model checkpoint averaging. ACL 2023.
    """

    def __init__(self, last: int | None = None, every: int | None = None, decay: float | None = None) -> None:
        for name, value in {"last": last, "every": every}.items():
            if value is not None and value < 1:
                raise ValueError(f"Expected argument `{name}` to be at least 1 or None, but got {value}.")
        if decay is not None and not 0 < decay < 1:
            raise ValueError(f"Expected argument `decay` to be between 0 and 1 or None, but got {decay}.")
        if last is not None and decay is not None:
            raise ValueError("Expected only one of the arguments `last` and `decay`, but got both.")
        if every is not None and last is None:
            raise ValueError("Expected argument `every` only with `last`, the number of moments that are averaged.")
        self.last, self.every, self.decay = last, every, decay
        self.dirpath: str | None = None
        self._steps: list[int] = []  # at which the snapshots were taken; the last step of an exponential mean
        self._updates = 0  # of the exponential mean
        # The snapshots, oldest first, or the exponential mean alone; the first process has them.
        self._kept: list[Weights] = []
        self._seen_step = 0

    @property
    def active(self) -> bool:
        """Whether anything is averaged."""
        return self.last is not None or self.decay is not None

    # The state from which a killed run goes on

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "updates": self._updates, "kept": self._kept} if self._steps else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._steps, self._updates = list(state_dict["steps"]), state_dict["updates"]
        self._kept = list(state_dict["kept"])

    # Training

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """
        Raises:
            UserError: if the devices hold parts of the weights only.
        """
        self._seen_step = trainer.global_step
        if not trainer.is_global_zero:
            self._kept = []
        if self.active and not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
            name = type(trainer.strategy).__name__
            raise UserError(
                f"averaging: {name} may divide the weights among devices, and their mean could not be taken: train "
                "with the strategy ddp, or without averaging."
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._seen_step:  # between the batches of gradient accumulation
            return
        self._seen_step = step
        if self.decay is not None or (self.every is not None and step % self.every == 0):
            self._take(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.last is not None and self.every is None:
            self._take(trainer, pl_module)
        if self._steps and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._write(trainer)

    def _take(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        step = trainer.global_step
        if getattr(module, "pretraining", False) or step in self._steps[-1:]:
            return
        self._steps = [*self._steps, step][-(self.last or 1) :]
        self._updates += 1
        if not trainer.is_global_zero:
            return
        # The same name may stand for a parameter twice, as the state dict has it.
        trained = {
            name: parameter.detach()
            for name, parameter in module.named_parameters(remove_duplicate=False)
            if parameter.requires_grad
        }
        if self.decay is None:  # main memory has room for many
            snapshot = {name: weights.to("cpu", copy=True) for name, weights in trained.items()}
            self._kept = [*self._kept, snapshot][-(self.last or 1) :]
        elif not self._kept:
            self._kept = [{name: weights.to(torch.float32, copy=True) for name, weights in trained.items()}]
        else:
            mean = {name: self._kept[0][name].to(weights.device) for name, weights in trained.items()}
            share = (1 - self.decay) / (1 - self.decay**self._updates)
            torch._foreach_lerp_(list(mean.values()), [weights.float() for weights in trained.values()], share)
            self._kept = [mean]

    def _write(self, trainer: pl.Trainer) -> None:
        folder = Path(self.dirpath or Path(trainer.default_root_dir, "checkpoints"))
        # All processes: counts over devices are in it.
        checkpoint = trainer._checkpoint_connector.dump_checkpoint(weights_only=True)
        if trainer.is_global_zero:
            state = checkpoint["state_dict"]
            state.update({name: weights.to(state[name].dtype) for name, weights in mean_weights(self._kept).items()})
            own = {"steps": self._steps} if self.decay is None else {"decay": self.decay, "updates": self._updates}
            checkpoint["averaging"] = {"every": self.every, **own}
        trainer.strategy.save_checkpoint(checkpoint, folder / AVERAGED)
        trainer.strategy.barrier("averaged weights written")


def mean_weights(sets: list[Weights]) -> Weights:
    """The mean of several sets of weights of equal names, each computed in float64 and returned in its first dtype."""
    names = sets[0] if sets else {}
    return {name: torch.stack([each[name].double() for each in sets]).mean(0).to(sets[0][name].dtype) for name in names}


def averaging_of(path: Path) -> dict[str, Any] | None:
    """What the weights of a checkpoint are the mean of; None if they are not averaged.

    Raises:
        UserError: if the file is damaged.
    """
    with checkpoint_errors(path):
        found: dict[str, Any] | None = torch.load(path, map_location="cpu", weights_only=True, mmap=True).get(
            "averaging"
        )
    return found
