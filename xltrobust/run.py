"""A run's folder: what a run leaves, and how the other commands find it again."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xltrobust.errors import UserError

if TYPE_CHECKING:
    from xltrobust.datamodules.tokenization import Tokenization
    from xltrobust.models.classifier import RobustClassifier

SCHEMA = 1
CHOSEN_BY = "val/source_acc"  # what the best checkpoint is chosen by


class RunFolder:
    """The files of one run.

    Args:
        path: the folder; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.results = self.path / "results.json"
        self.predictions = self.path / "predictions.parquet"
        self.checkpoints = self.path / "checkpoints"
        self.best = self.checkpoints / "best.ckpt"
        self.last = self.checkpoints / "last.ckpt"
        self.answers = self.path / "answers"  # of the model to attacks that have not finished

    def check_config(self, config: str) -> None:
        """Refuses to go on in a folder that holds a run of another configuration.

        Raises:
            UserError: naming an option that differs.
        """
        if not self.config.exists():
            return
        old, new = (_options(yaml.safe_load(text)) for text in (self.config.read_text(encoding="utf8"), config))
        # An option that only one of them knows came or went with another version of the package.
        for name in sorted(old.keys() & new.keys()):
            if old[name] != new[name]:
                before, now = f"{name}: {old[name]}", f"{name}: {new[name]}"
                raise UserError(
                    f"{self.path} holds another configuration's run ({before} there, {now} here): "
                    "choose another --run_dir, or delete that one."
                )

    @cached_property
    def finished(self) -> dict[str, Any]:
        """What ``results.json`` says.

        Raises:
            UserError: if the run has not finished, or another version of the package wrote it.
        """
        try:
            results = json.loads(self.results.read_text(encoding="utf8"))
        except FileNotFoundError:
            raise UserError(f"{self.results}: not found; is {self.path} the folder of a finished run?") from None
        except json.JSONDecodeError as error:
            raise UserError(f"{self.results}: not valid JSON ({error.msg}, line {error.lineno}).") from None
        if results.get("schema") != SCHEMA:
            raise UserError(f"{self.results}: schema {results.get('schema')}, but this version reads schema {SCHEMA}.")
        return results

    @property
    def checkpoint(self) -> Path:
        """The checkpoint that was tested.

        Raises:
            UserError: if it is missing.
        """
        checkpoint = Path(self.finished["checkpoint"]["path"])
        if not checkpoint.exists():
            checkpoint = self.best  # the folder was moved
        if not checkpoint.exists():
            raise UserError(f"{checkpoint}: not found; a run needs its checkpoint for this.")
        return checkpoint

    def load(self) -> tuple[RobustClassifier, Tokenization]:
        """The run's best model, in evaluation mode, and its tokenization.

        Raises:
            UserError: if the checkpoint is missing.
        """
        from xltrobust.datamodules.tokenization import Tokenization
        from xltrobust.models.classifier import RobustClassifier

        module = RobustClassifier.load_from_checkpoint(self.checkpoint, map_location="cpu", weights_only=True)
        options = yaml.safe_load(self.config.read_text(encoding="utf8"))["data"]["init_args"]
        return module.eval(), Tokenization(module.hparams["encoder"], options["max_length"])


def _options(value: Any, name: str = "") -> dict[str, Any]:
    """Nested options as one level of dotted names.

    Which attacks there are is an option too: their names are the user's, and one more is not another version's.

    >>> _options({"a": {"b": 1, "c": [2]}, "adversarial": {"attacks": {"typo": {"budget": 9}}}})
    {'a.b': 1, 'a.c': [2], 'adversarial.attacks': ['typo'], 'adversarial.attacks.typo.budget': 9}
    """
    own: dict[str, Any] = {name: sorted(value or {})} if name == "adversarial.attacks" else {}
    if not isinstance(value, dict) or not value:
        return own or {name: value}
    return own | {
        dotted: leaf
        for key, inner in value.items()
        for dotted, leaf in _options(inner, f"{name}.{key}" if name else str(key)).items()
    }
