"""The model of a finished run, loaded from the run's folder."""

from __future__ import annotations

from xltrobust.encoders.normalizing import checked_normalization
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.models.classifier import RobustClassifier
from xltrobust.reading import checkpoint_errors
from xltrobust.runs.folder import RunFolder


def load_run_model(folder: RunFolder) -> tuple[RobustClassifier, Tokenization]:
    """The model that a run tested, on the CPU and in evaluation mode, and its tokenization.

    Raises:
        UserError: if the checkpoint or the configuration is missing or damaged.
    """
    max_length = folder.option("data.init_args.max_length", int)
    arguments = folder.option("data.init_args", dict)
    # Runs of before the option were trained without.
    normalize = checked_normalization(arguments.get("normalize", "none"))
    with checkpoint_errors(folder.checkpoint):
        module = RobustClassifier.load_from_checkpoint(folder.checkpoint, map_location="cpu", weights_only=True)
    return module.eval(), Tokenization(module.hparams["encoder"], max_length, normalize)
