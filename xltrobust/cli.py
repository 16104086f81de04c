"""The command line of ``fit``: every constructor argument of model, data and callbacks, in YAML or as an option."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonargparse import SUPPRESS, ArgumentError
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities import rank_zero_only

from xltrobust.errors import UserError, one_line
from xltrobust.files import check_folder
from xltrobust.fit_parser import PROG, FitParser, configuration_files, with_named_attacks
from xltrobust.reading import check_checkpoint, read_yaml
from xltrobust.runs.averaging import CheckpointAveraging
from xltrobust.runs.checkpoints import BestCheckpoint, LastCheckpoint, SourceEarlyStopping, WholeCheckpoints
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.loggers import PatientWandbLogger, WandbOptions
from xltrobust.silence import VERBOSE, VERBOSE_HELP
from xltrobust.spelling import with_hint

# Lightning accepts smaller values, and then divides by zero or silently does nothing.
_LEAST = {
    "accumulate_grad_batches": 1, "check_val_every_n_epoch": 1, "num_nodes": 1, "log_every_n_steps": 0,
    "gradient_clip_val": 0, "max_epochs": -1,
}  # fmt: skip


class FitCLI(LightningCLI):
    """``LightningCLI`` with a run's folder, the callbacks of every run, and the model's labels taken from the data.

    Args:
        args: the command's options; None takes those of the process.
        verbose: show the whole model summary.

    Attributes:
        folder: the run's.
        finished: whether it holds a finished run; then nothing is instantiated.
    """

    def __init__(self, args: Any = None, verbose: bool = False) -> None:
        from xltrobust.datamodules.base import CrossLingualClassification
        from xltrobust.models.classifier import RobustClassifier

        self.verbose = verbose
        super().__init__(
            RobustClassifier,
            CrossLingualClassification,
            subclass_mode_data=True,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults={"num_sanity_val_steps": 0, "log_every_n_steps": 10},
            parser_class=FitParser,
            parser_kwargs={
                "prog": PROG,
                "description": "Fine-tune, then test in every language.",
                "exit_on_error": False,
            },
            args=args,
            auto_configure_optimizers=False,
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        # The parser finds a class by its name alone only if it has been imported.
        import xltrobust.evaluation.alignment
        import xltrobust.regularizers  # noqa: F401
        from xltrobust.evaluation.attacked import AdversarialEvaluation

        # The command takes it before: a run is the same run, however much it says.
        parser.add_argument(*VERBOSE, action="store_true", default=SUPPRESS, help=VERBOSE_HELP)
        parser.add_argument("--run_dir", type=str, default="runs/run", help="The run's folder.")
        parser.add_argument(
            "--test_weights",
            type=Literal["best", "last", "averaged"] | None,
            default=None,
            help="Which weights of the training are tested: the best epoch's by the source dev set, the last step's, "
            "or the mean that `averaging` takes. By default the mean if one is taken, the best epoch's with early "
            "stopping or best_checkpoint.attack, and otherwise the last step's.",
        )
        parser.add_argument(
            "--test_checkpoint", type=str | None, default=None, help="Do not train: test this checkpoint."
        )
        parser.add_lightning_class_args(AdversarialEvaluation, "adversarial")
        parser.add_class_arguments(WandbOptions, "wandb")
        parser.add_lightning_class_args(BestCheckpoint, "best_checkpoint")
        parser.add_lightning_class_args(LastCheckpoint, "last_checkpoint")
        parser.add_lightning_class_args(CheckpointAveraging, "averaging")
        parser.add_lightning_class_args(SourceEarlyStopping, "early_stopping")
        parser.link_arguments("model.encoder", "data.init_args.tokenizer")
        parser.link_arguments("data.labels", "model.labels", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parses, and checks what neither the parser nor a constructor checks.

        Raises:
            UserError: naming the option that is wrong.
        """
        args = with_named_attacks(sys.argv[1:] if args is None else args)
        for path in configuration_files(args):
            read_yaml(path)  # for its messages: the parser's do not name the file
        try:
            self.config = parser.parse_args(args)  # LightningCLI's method would warn of arguments given twice
        except ArgumentError as error:
            options = [name for action in parser._actions for name in action.option_strings]
            raise UserError(with_hint(one_line(error), options)) from None
        seed, trainer, run_dir = self.config.seed_everything, self.config.trainer, self.config.run_dir
        if not isinstance(seed, bool) and not 0 <= seed < 2**32:
            raise UserError(f"seed_everything: expected a number from 0 to {2**32 - 1}, but got {seed}.")
        for name, least in _LEAST.items():
            if (value := trainer[name]) is not None and not value >= least:
                raise UserError(f"trainer.{name}: expected at least {least}, but got {value}.")
        if trainer.max_epochs == 0 and self.config.test_checkpoint is None:
            raise UserError("trainer.max_epochs: expected at least 1, or -1 for no bound, but got 0.")
        if not run_dir.strip():
            raise UserError("run_dir: expected the run's folder, but got nothing.")
        check_folder(Path(run_dir), "run_dir")
        if "labels" in self.config.model and self.config.model.labels is not None:
            raise UserError("model.labels: the model takes its labels from the data; give data.init_args.labels.")

    def before_instantiate_classes(self) -> None:
        from xltrobust.perturb.suite import load_suite

        self.folder = RunFolder(self.config.run_dir)
        self._choose_weights()
        self.config_text = self.parser.dump(self.config, skip_none=False)
        self.folder.check_config(self.config_text)
        self.finished = self.folder.results.exists() and not self.config.trainer.fast_dev_run
        if (tested := self.config.test_checkpoint) is not None and not self.finished:
            if not Path(tested).is_file():
                raise UserError(f"{tested}: no such checkpoint; check --test_checkpoint.")
            check_checkpoint(Path(tested))
        if self.config.model.max_passes is not None and self.config.trainer.max_epochs is not None:
            raise UserError(
                "model.max_passes and trainer.max_epochs both say when training ends: give only one of them "
                "(--trainer.max_epochs null removes the other)."
            )
        averaging = self.config.averaging
        if (self.config.test_weights, tested, averaging.last, averaging.decay) == ("averaged", None, None, None):
            raise UserError("test_weights: no weights are averaged: set averaging.last or averaging.decay.")
        adversarial, named = self.config.adversarial, self.config.best_checkpoint.attack
        suite = adversarial.suite if adversarial.suite_mode == "full" else None
        attacks = [*(adversarial.attacks or {}), *(load_suite(suite).all if suite else ())]
        if named is not None and (named not in attacks or adversarial.every_n_epochs is None):
            raise UserError(
                f"best_checkpoint.attack: {named!r} is not run during training: name one of adversarial.attacks "
                f"({', '.join(attacks) or 'none'}), and set adversarial.every_n_epochs."
            )

    def instantiate_classes(self) -> None:
        if not self.finished:  # a finished run is only reported
            super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        from xltrobust.evaluation.clean import MultilingualEvaluation
        from xltrobust.evaluation.recording import RunRecorder
        from xltrobust.runs.loggers import default_loggers

        run_dir = str(self.folder.path)
        options: dict[str, Any] = {"default_root_dir": run_dir, "use_distributed_sampler": False}
        if self.config_init.model.max_passes is not None:
            options["max_epochs"] = -1  # the budget ends training
        if self.config_init.trainer.logger in (None, True):
            options["logger"] = default_loggers(run_dir, self._wandb_options())
        options["callbacks"] = [*_listed(self.config_init.trainer.callbacks), *self._displays()]
        for name in ("best_checkpoint", "last_checkpoint", "averaging"):
            self.config_init[name].dirpath = str(self.folder.checkpoints)
        self.config_init["adversarial"].answers = self.folder.answers
        try:
            trainer: Any = super().instantiate_trainer(**kwargs | options)
        except Exception as error:  # Lightning raises many types
            asked = self.config_init.trainer
            where = f"accelerator {asked.accelerator}, devices {asked.devices}"
            raise UserError(f"trainer ({where}): {one_line(error)}") from None
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # a strategy with its own format keeps it
            trainer.strategy.checkpoint_io = WholeCheckpoints()
        if not any(isinstance(callback, MultilingualEvaluation) for callback in trainer.callbacks):
            trainer.callbacks.append(MultilingualEvaluation())
        # The recorder starts the loggers once the data have been read and everything is set up.
        trainer.callbacks.append(RunRecorder(run_dir, self.config_text, trainer.loggers))
        trainer.loggers = []
        return trainer

    def _wandb_options(self) -> WandbOptions:
        """Those given, and in place of the others what runs are best grouped and found by."""
        from xltrobust.evaluation.tracking import options_of
        from xltrobust.regularizers.base import Regularizer

        methods = [own.name for own in _listed(self.config_init.trainer.callbacks) if isinstance(own, Regularizer)]
        return options_of(yaml.safe_load(self.config_text), methods)

    def _displays(self) -> Iterator[Any]:
        """Callbacks that show something, in place of Lightning's own."""
        from pytorch_lightning.callbacks import ModelSummary, ProgressBar, RichModelSummary

        from xltrobust.runs.model_summary import ShortModelSummary
        from xltrobust.runs.training_progress import TrainingProgress

        asked = self.config_init.trainer
        own = tuple(map(type, _listed(asked.callbacks)))
        if asked.enable_progress_bar is not False and not any(issubclass(kind, ProgressBar) for kind in own):
            yield TrainingProgress()
        if asked.enable_model_summary is not False and not any(issubclass(kind, ModelSummary) for kind in own):
            yield RichModelSummary() if self.verbose else ShortModelSummary()

    def _choose_weights(self) -> None:
        """Puts the default of ``test_weights`` into the configuration, so that the run's own file says what it is."""
        if self.config.test_weights is None:
            averaged = self.config.averaging.last is not None or self.config.averaging.decay is not None
            chooses = self.config.early_stopping.patience is not None or self.config.best_checkpoint.attack is not None
            self.config.test_weights = "averaged" if averaged else "best" if chooses else "last"

    def checkpoint_to_test(self) -> str | None:
        """The checkpoint named by the user, or that of ``test_weights``; None after ``fast_dev_run``, which keeps none.

        Raises:
            UserError: if there is none: no epoch was validated, or no weights were averaged.
        """
        if (named := self.config.test_checkpoint) is not None:
            return named
        if self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return None
        own = self.folder.weights(self.config.test_weights)
        if not own.exists() and own == self.folder.averaged:
            raise UserError(
                f"{self.folder.path}: the training ended before any weights were averaged: train for longer, or set a "
                "smaller averaging.every."
            )
        if not own.exists():
            raise UserError(
                f"{self.folder.path}: no epoch was validated, so there is no best one to test: train for longer "
                "(trainer.max_steps, max_epochs) and let it validate (trainer.limit_val_batches)."
            )
        return str(own)

    @rank_zero_only
    def report(self) -> None:
        """Prints the report of the finished run."""
        from xltrobust.evaluation.session import read_rows
        from xltrobust.evaluation.tracking import log_results
        from xltrobust.report.__main__ import main as report

        report([str(self.folder.path)])
        for logger in [] if self.finished else self.trainer.loggers:
            if isinstance(logger, PatientWandbLogger):
                log_results(logger, self.folder, read_rows(self.folder))
        if self.finished:
            tested = self.config.test_checkpoint or self.folder.weights(self.config.test_weights)
            print(
                f"{self.folder.path} had finished before: nothing was trained or tested. To test its model again, "
                f"name a new folder: --run_dir NEW --test_checkpoint {tested}"
            )


def _listed(value: Any) -> list[Any]:
    """The callbacks of a configuration: a list, one alone, or None."""
    return value if isinstance(value, list) else [] if value is None else [value]
