"""A run's checkpoints: the weights of the best epoch, and the state to resume from; a failed write changes neither."""

from __future__ import annotations

import io
import math
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from xltrobust.errors import UserError
from xltrobust.files import atomic_write, remove_leftovers
from xltrobust.metrics.figures import CHOSEN_BY
from xltrobust.runs.folder import PREVIOUS, RunFolder


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the epoch with the best accuracy on the *source* dev set, clean or attacked.

    A target language's dev set cannot be configured instead: it would be an oracle.

    Args:
        attack: the name of one of ``adversarial.attacks``. The epoch is then chosen by accuracy under this attack,
            among the epochs after which it is tried (``adversarial.every_n_epochs``). None chooses by clean accuracy.
    """

    def __init__(self, attack: str | None = None) -> None:
        self.attack = attack
        monitor = CHOSEN_BY if attack is None else f"val/source_adv_acc/{attack}"
        super().__init__(
            filename="best", monitor=monitor, mode="max", save_weights_only=True, enable_version_counter=False
        )

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """
        Raises:
            UserError: if the training is to end before the first validation, so that there would be no best epoch.
        """
        super().on_fit_start(trainer, pl_module)
        if trainer.fast_dev_run or trainer.max_steps == 0 or Path(str(self.dirpath), "best.ckpt").exists():  # type: ignore[attr-defined]
            return
        nothing = "no epoch would be validated, so there would be no best one to test"
        if not trainer.limit_val_batches:
            raise UserError(f"{nothing}: let it validate (trainer.limit_val_batches).")
        first = _steps_to_validation(trainer)
        if first is not None and 0 <= trainer.max_steps < first:
            raise UserError(f"{nothing}: the first validation is after step {first}; raise trainer.max_steps.")

    # Lightning fails in an epoch without the figure: in the first, if the attack is tried after every second.

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_train_epoch_end(trainer, pl_module)


class LastCheckpoint(ModelCheckpoint):
    """Keeps the whole training state to resume from, saved at the end of every epoch or every few steps.

    If a validation follows a step, the state is saved after the validation; after the last step of an epoch, it is
    saved at the end of the epoch. Otherwise a validation that was killed would never be repeated: when Lightning
    resumes, it assumes that a validation which follows a save has been done. The state at the end of the training is
    always saved.

    The state before the last is kept as ``previous.ckpt`` until the run has finished, in case the last is damaged. This
    takes no extra space on disk: a save needs room for two states anyway, as it writes the new before it deletes the
    old.

    Args:
        every_n_train_steps: steps between saves; None saves at the end of every epoch.
    """

    def __init__(self, every_n_train_steps: int | None = None) -> None:
        if every_n_train_steps is not None and every_n_train_steps < 1:
            raise ValueError(
                f"Expected argument `every_n_train_steps` to be at least 1, but got {every_n_train_steps}."
            )
        super().__init__(
            filename="last",
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._due = False  # whether a save waits for the end of a validation or an epoch

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if not (_ends_epoch(trainer) or _validation_follows(trainer)):
            super().on_train_batch_end(trainer, *args, **kwargs)
        elif self._every_n_train_steps and trainer.global_step % self._every_n_train_steps == 0:
            self._due = True

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not _ends_epoch(trainer):
            self._save_due(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        self._due = self._due or _ends_training(trainer)
        self._save_due(trainer)

    def _save_due(self, trainer: pl.Trainer) -> None:
        if self._due and not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
        self._due = False

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        last = Path(filepath)
        previous = last.with_name(PREVIOUS)
        if trainer.is_global_zero and last.is_file():
            last.replace(previous)
        try:
            super()._save_checkpoint(trainer, filepath)
        except BaseException:
            if trainer.is_global_zero and previous.is_file() and not last.exists():
                previous.replace(last)
            raise


def _steps_to_validation(trainer: pl.Trainer) -> int | None:
    """How many optimizer steps are taken before the first validation; None if the batches are not counted yet.

    Lightning counts them before the training for a schedule of learning rates over steps, but not for one over passes.
    """
    batches, first = trainer.num_training_batches, trainer.val_check_batch
    if first is None or math.isinf(batches):
        return None
    epochs_before = (trainer.check_val_every_n_epoch or 1) - 1
    accumulated = trainer.accumulate_grad_batches
    return epochs_before * math.ceil(batches / accumulated) + math.ceil(min(first, batches) / accumulated)


def _ends_epoch(trainer: pl.Trainer) -> bool:
    """Whether the step just taken is the last of its epoch."""
    loop = trainer.fit_loop
    return loop.epoch_loop._is_training_done or (trainer.should_stop and loop._can_stop_early)


def _ends_training(trainer: pl.Trainer) -> bool:
    """Whether the epoch that ends is the last; Lightning's own answer, ``fit_loop.done``, changes the loop's state."""
    loop, epochs, steps = trainer.fit_loop, trainer.max_epochs, trainer.max_steps
    ended: Any = loop.epoch_progress.current
    if epochs is not None and 0 <= epochs <= ended.processed:
        return True
    return 0 <= steps <= trainer.global_step or (trainer.should_stop and loop._can_stop_early)


def _validation_follows(trainer: pl.Trainer) -> bool:
    loop = trainer.fit_loop
    return loop._data_fetcher is not None and loop.epoch_loop._should_check_val_fx(loop._data_fetcher)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint to a temporary file in its folder, and renames it; Lightning goes through ``$TMPDIR``.

    Raises:
        UserError: if it cannot be written; the checkpoint that was there stays.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        try:
            with atomic_write(Path(path)) as temporary, temporary.open("wb") as opened:
                opened.write(buffer.getbuffer())
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            raise UserError(
                f"{path}: could not be written ({error.strerror}); the checkpoint before it is kept. Put that "
                "right, and run the same command again to resume from there."
            ) from None


def checkpoint_to_resume(folder: RunFolder) -> str | None:
    """The last undamaged training state; a damaged one is reported on standard error and renamed.

    All processes of a training get the same answer, whichever of them looks first.

    Returns:
        The path; None if there is no such state, and training has to start at the beginning.
    """
    remove_leftovers(folder.checkpoints)
    damaged = False
    for path in (folder.last, folder.previous):
        if not path.is_file():
            continue
        if (fault := _fault(path)) is None:
            if damaged:
                print(f"fit: resuming from {path}, the state before it.", file=sys.stderr)
            return str(path)
        aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
        try:
            path.replace(aside)
        except FileNotFoundError:  # another process was faster
            continue
        print(f"fit: {path} is damaged ({fault}): renamed to {aside.name}.", file=sys.stderr)
        damaged = True
    if damaged:
        print("fit: there is no earlier state: training starts at the beginning.", file=sys.stderr)
    return None


def _fault(path: Path) -> str | None:
    """What is wrong with a checkpoint; None if it is complete and holds a training state."""
    try:
        with zipfile.ZipFile(path) as archive:
            if (corrupt := archive.testzip()) is not None:
                return f"{corrupt} in it is corrupt"
        stored = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
    missing = {"state_dict", "loops", "optimizer_states"} - set(stored if isinstance(stored, dict) else ())
    return f"{min(missing)} is missing" if missing else None


class SourceEarlyStopping(EarlyStopping):
    """Stops when the accuracy on the source dev set no longer rises.

    Args:
        patience: validations without improvement before stopping; None never stops early.
        min_delta: the least improvement that counts.
    """

    def __init__(self, patience: int | None = None, min_delta: float = 0.0) -> None:
        if patience is not None and patience < 1:
            raise ValueError(f"Expected argument `patience` to be at least 1 or None, but got {patience}.")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"Expected argument `min_delta` to be at least 0, but got {min_delta}.")
        never = sys.maxsize
        super().__init__(
            monitor=CHOSEN_BY, mode="max", patience=never if patience is None else patience, min_delta=min_delta,
            strict=False,  # a run may be too short for a validation
            check_on_train_epoch_end=False,  # Lightning's default would bypass the hook below
        )  # fmt: skip

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not getattr(pl_module, "pretraining", False):  # the task is not learnt yet
            super().on_validation_end(trainer, pl_module)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning restores the count but not the decision: a stopped run, started again, would go on training.
        if self.wait_count >= self.patience:
            trainer.should_stop = True
