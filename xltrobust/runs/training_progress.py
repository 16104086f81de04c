"""Shows how far a training or a test has got, and which language it is at."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ProgressBar

from xltrobust.runs.progress import Display, Phase


class TrainingProgress(ProgressBar):
    """Shows training, validation and test on a :class:`~xltrobust.runs.progress.Display`, which attacks use too."""

    def __init__(self) -> None:
        super().__init__()
        self.display = Display()
        self._training: Phase | None = None
        self._evaluation: Phase | None = None
        self._names: list[str] = []
        self._evaluated: list[str] = []

    def disable(self) -> None:
        self.display.shown = False

    def enable(self) -> None:
        self.display.shown = True

    def print(self, *args: Any, **kwargs: Any) -> None:
        self.display.say(kwargs.get("sep", " ").join(map(str, args)))

    # Training

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        budget = getattr(pl_module, "max_passes", None)
        self._training = self.display.phase(
            _epoch(trainer), _batches(trainer) if budget is None else budget, "batches" if budget is None else "passes"
        )
        self._training.start_at(_done(trainer, pl_module))

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._training is not None:
            self._training.name = _epoch(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._training is not None:
            self._training.to(_done(trainer, pl_module), lambda: _figures(trainer))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._training is not None:
            self._training.note = ""
            self._training.end("training")
            self._training = None

    # Validation and test

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self._begin("validation", getattr(data, "validation_sets", []), trainer.num_val_batches)

    def on_validation_batch_end(  # type: ignore[override]
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        self._next("validation", dataloader_idx)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._evaluation is not None:
            self._evaluation.end("")  # before attacks begin; the figures are not known yet

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._evaluation is not None and not trainer.sanity_checking:
            figures = trainer.callback_metrics
            known = [f"source accuracy {figures['val/source_acc']:.1%}"] if "val/source_acc" in figures else []
            self.display.say(" · ".join([f"{_epoch(trainer)}: validated on {', '.join(self._evaluated)}", *known]))
        self._evaluation = None

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self._begin("test", getattr(data, "test_sets", []), trainer.num_test_batches)

    def on_test_batch_end(  # type: ignore[override]
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        self._next("test", dataloader_idx)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._evaluation is not None:
            self._evaluation.end(f"test of {', '.join(self._evaluated)}")
        self._evaluation = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.display.close()

    def _begin(self, what: str, sets: Any, batches: Any) -> None:
        counts = [own for own in (batches if isinstance(batches, list) else [batches]) if isinstance(own, int)]
        several = len({own.split for own in sets}) > 1
        self._names = [f"{own.split} {own.name}" if several else own.name for own in sets]
        self._evaluated = []
        name = f"{what}: {self._names[0]}" if self._names else what
        self._evaluation = self.display.phase(name, sum(counts) or None, "batches")

    def _next(self, what: str, at: int) -> None:
        if (phase := self._evaluation) is None:
            return
        name = self._names[at] if at < len(self._names) else f"set {at + 1}"
        if name not in self._evaluated:
            self._evaluated.append(name)
        phase.to(phase.done + 1, name=f"{what}: {name}")


def display_of(trainer: pl.Trainer) -> Display:
    """The display of a trainer's progress, for attacks: none if that is not to be shown; lines beside another bar."""
    bar = getattr(trainer, "progress_bar_callback", None)
    if isinstance(bar, TrainingProgress):
        return bar.display
    return Display(shown=bar is not None and trainer.is_global_zero, live=False)


def _epoch(trainer: pl.Trainer) -> str:
    last = trainer.max_epochs
    return f"epoch {trainer.current_epoch + 1}" + (f" of {last}" if last is not None and last > 0 else "")


def _batches(trainer: pl.Trainer) -> float | None:
    """The batches of the whole training; None if nobody knows."""
    bounds = []
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        bounds.append(float(trainer.num_training_batches) * trainer.max_epochs)
    if trainer.max_steps > 0:
        bounds.append(float(trainer.max_steps * trainer.accumulate_grad_batches))
    known = min(bounds, default=float("inf"))
    return None if known == float("inf") else known


def _done(trainer: pl.Trainer, pl_module: pl.LightningModule) -> float:
    if getattr(pl_module, "max_passes", None) is not None:
        return float(pl_module.used_passes)  # type: ignore[arg-type]
    counted: Any = trainer.fit_loop.epoch_loop.batch_progress.total
    return float(counted.processed)  # `completed` is counted after the callbacks


def _figures(trainer: pl.Trainer) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in trainer.progress_bar_metrics.items())
