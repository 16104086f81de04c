"""The command line of a run: every constructor argument of model, data and callbacks, from YAML or as an option."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from xltrobust.run import RunFolder


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the epoch with the best accuracy on the *source* dev set.

    Args:
        monitor: figure to maximise. Choosing by a target language's labels would be an oracle.
    """

    def __init__(self, monitor: str = "val/source_acc") -> None:
        super().__init__(
            filename="best", monitor=monitor, mode="max", save_weights_only=True, enable_version_counter=False
        )


class LastCheckpoint(ModelCheckpoint):
    """Keeps the whole state to resume from: at every epoch's end, or every so many steps.

    Args:
        every_n_train_steps: steps between saves; None saves at the end of every epoch.
    """

    def __init__(self, every_n_train_steps: int | None = None) -> None:
        super().__init__(
            filename="last",
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )


class SourceEarlyStopping(EarlyStopping):
    """Stops when the accuracy on the source dev set no longer rises.

    Args:
        patience: validations without improvement before stopping.
        min_delta: the least improvement that counts.
    """

    def __init__(self, patience: int = 1_000_000, min_delta: float = 0.0) -> None:
        super().__init__(monitor="val/source_acc", mode="max", patience=patience, min_delta=min_delta)


class FitCLI(LightningCLI):
    """``LightningCLI`` with a run folder, the callbacks every run has, and the model's classes taken from the data."""

    def __init__(self, args: Any = None) -> None:
        from xltrobust.datamodules.base import CrossLingualClassification
        from xltrobust.models.classifier import RobustClassifier

        super().__init__(
            RobustClassifier,
            CrossLingualClassification,
            subclass_mode_data=True,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults={"num_sanity_val_steps": 0, "log_every_n_steps": 10},
            parser_kwargs={"prog": "python -m xltrobust.fit", "description": "Fine-tune, then test in every language."},
            args=args,
            auto_configure_optimizers=False,
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        from xltrobust.adversarial import AdversarialEvaluation

        parser.add_argument("--run_dir", type=str, default="runs/run", help="The run's folder.")
        parser.add_argument(
            "--test_checkpoint", type=str | None, default=None, help="Do not train: test this checkpoint."
        )
        parser.add_lightning_class_args(AdversarialEvaluation, "adversarial")
        parser.add_lightning_class_args(BestCheckpoint, "best_checkpoint")
        parser.add_lightning_class_args(LastCheckpoint, "last_checkpoint")
        parser.add_lightning_class_args(SourceEarlyStopping, "early_stopping")
        parser.link_arguments("model.encoder", "data.init_args.tokenizer")
        parser.link_arguments("data.labels", "model.labels", apply_on="instantiate")

    def before_instantiate_classes(self) -> None:
        self.folder = RunFolder(self.config.run_dir)
        self.config_text = self.parser.dump(self.config, skip_none=False)
        self.folder.check_config(self.config_text)

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        from xltrobust.loggers import default_loggers
        from xltrobust.recording import RunRecorder

        run_dir = str(self.folder.path)
        own: dict[str, Any] = {"default_root_dir": run_dir, "use_distributed_sampler": False}
        if self.config_init.trainer.logger in (None, True):
            own["logger"] = default_loggers(run_dir)
        for name in ("best_checkpoint", "last_checkpoint"):
            self.config_init[name].dirpath = str(self.folder.checkpoints)
        trainer = super().instantiate_trainer(**kwargs | own)
        trainer.callbacks.append(RunRecorder(run_dir))  # type: ignore[attr-defined]
        return trainer

    def save_config(self) -> None:
        """Writes the resolved configuration, which ``--config`` takes back."""
        if self.trainer.is_global_zero:
            from xltrobust.files import atomic_write

            with atomic_write(self.folder.config) as temporary:
                temporary.write_text(self.config_text, encoding="utf8")
