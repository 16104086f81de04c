"""``python -m xltrobust.fit --config FILE``: fine-tune on the source language, test in all, clean and attacked."""

from __future__ import annotations

from xltrobust.cli import FitCLI
from xltrobust.errors import one_line_errors


def main() -> None:
    """Fits, unless told to test a checkpoint only; tests the best checkpoint; writes and prints the report."""
    # What a constructor refuses, or from_pretrained does not find, is the configuration's fault.
    with one_line_errors("fit", ValueError, OSError):
        cli = FitCLI()
    with one_line_errors("fit"):
        cli.save_config()
        if cli.config.test_checkpoint is None:
            resume = str(cli.folder.last) if cli.folder.last.exists() else None
            cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=resume, weights_only=True)
        checkpoint = cli.checkpoint_to_test()
        if checkpoint is None:
            return
        cli.trainer.test(cli.model, datamodule=cli.datamodule, ckpt_path=checkpoint, verbose=False, weights_only=True)
        if cli.trainer.is_global_zero:
            from xltrobust.report.__main__ import main as report

            report([str(cli.folder.path)])


if __name__ == "__main__":
    main()
