"""``python -m xltrobust.fit --config FILE``: fine-tune on the source language, test in all, clean and attacked."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.bounded_yaml import bounded_configurations
from xltrobust.command import as_process, run_command, user_errors
from xltrobust.reading import state_errors
from xltrobust.runs.stopping import stopped_in_one_line
from xltrobust.silence import silence, without_verbose


def main(arguments: Sequence[str]) -> None:
    """Trains, unless told to test a checkpoint only; tests the best checkpoint; writes and prints the report.

    A run that has finished is reported and left as it is.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    from jsonargparse import ArgumentError
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    from xltrobust.cli import FitCLI
    from xltrobust.runs.checkpoints import checkpoint_to_resume

    arguments, verbose = without_verbose(arguments)
    with as_process(arguments), silence(verbose), bounded_configurations():
        # Whatever a constructor refuses is wrong in the configuration.
        with user_errors(ValueError, OSError, ArgumentError):
            cli = FitCLI(verbose=verbose)
        with user_errors(MisconfigurationException):
            if not cli.finished:
                if cli.config.test_checkpoint is None:
                    resume = checkpoint_to_resume(cli.folder)
                    cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=resume, weights_only=True)
                checkpoint = cli.checkpoint_to_test()
                if checkpoint is None:
                    return
                with state_errors(checkpoint):
                    cli.trainer.test(
                        cli.model, datamodule=cli.datamodule, ckpt_path=checkpoint, verbose=False, weights_only=True
                    )
            cli.report()


def command() -> None:
    """The shell's entry point: errors and signals give one line and an exit code."""
    with stopped_in_one_line("fit", "Run the same command again to go on from the last checkpoint."):
        run_command("fit", main)


if __name__ == "__main__":
    command()
