"""``python -m xltrobust.fit --config FILE``: fine-tune on the source language, test in all, clean and attacked."""

from __future__ import annotations

from xltrobust.bounded_yaml import bound_configurations
from xltrobust.cli import FitCLI
from xltrobust.errors import one_line_errors
from xltrobust.reading import state_errors
from xltrobust.runs.checkpoints import checkpoint_to_resume
from xltrobust.runs.stopping import stopped_in_one_line


def main() -> None:
    """Fits, unless told to test a checkpoint only; tests the best checkpoint; writes and prints the report.

    A run that has finished is reported and left as it is.
    """
    from jsonargparse import ArgumentError
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    bound_configurations()
    with stopped_in_one_line("fit", "Run the same command again to go on from the last checkpoint."):
        # What a constructor refuses is the configuration's fault.
        with one_line_errors("fit", ValueError, OSError, ArgumentError):
            cli = FitCLI()
        with one_line_errors("fit", MisconfigurationException):
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


if __name__ == "__main__":
    main()
