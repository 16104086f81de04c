"""A run's folder: the files that a run writes, as the other commands read them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml

from xltrobust.errors import UserError
from xltrobust.reading import read_json, read_yaml
from xltrobust.renamed import with_new_names

SCHEMA = 1
PREVIOUS = "previous.ckpt"
AVERAGED = "averaged.ckpt"
_ELSEWHERE = ("wandb",)  # sections of a configuration that change nothing of a run
# Entries of results.json, of runs and of classifiers from elsewhere. Only the first four are required.
_RESULTS: dict[str, type] = {
    "name": str, "source": str, "languages": list, "figures": dict,
    "seed": int, "labels": list, "text_pairs": bool, "encoder": str, "machine": dict, "data": dict,
    "checkpoint": dict,
}  # fmt: skip


# Options whose keys the user chooses.
_OF_THE_USERS = ("attacks", "languages", "keyboards", "tables", "lexicons")


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
        self.validity = self.path / "validity.json"  # whether another model can read the attacked texts
        self.checkpoints = self.path / "checkpoints"
        self.best = self.checkpoints / "best.ckpt"
        self.last = self.checkpoints / "last.ckpt"
        self.averaged = self.checkpoints / AVERAGED
        self.previous = self.checkpoints / PREVIOUS  # the state before the last, until the run has finished
        self.answers = self.path / "answers"  # of the model, to attacks that have not finished

    def check_config(self, config: str) -> None:
        """Checks that the folder does not hold a run of another configuration.

        Raises:
            UserError: if it does; names an option that differs.
        """
        if not self.config.exists():
            return
        here = {name: value for name, value in with_new_names(yaml.safe_load(config)).items() if name not in _ELSEWHERE}
        for name, *values in differences(self.options, here):
            if name.endswith(".validate_targets"):
                continue  # it changes what is reported, and nothing that is trained or tested
            before, now = (shorten(str(value), 80, placeholder=" …") for value in values)
            raise UserError(
                f"{self.path} holds another configuration's run ({name}: {before} there, {now} here): "
                "choose another --run_dir, or delete this one."
            )

    @cached_property
    def finished(self) -> dict[str, Any]:
        """The content of ``results.json``.

        Raises:
            UserError: if the run has not finished, or the file is damaged or has another version's schema.
        """
        if not self.results.exists():
            raise UserError(f"{self.results}: not found; is {self.path} the folder of a finished run?")
        results = read_json(self.results)
        if results.get("schema") != SCHEMA:
            raise UserError(f"{self.results}: schema {results.get('schema')}, but this version reads schema {SCHEMA}.")
        for at, (name, kind) in enumerate(_RESULTS.items()):
            if (at < 4 or name in results) and not isinstance(results.get(name), kind):
                raise UserError(
                    f"{self.results}: expected {name!r} to be a {kind.__name__}, but got {results.get(name)!r}."
                )
        return results

    def recorded(self, name: str) -> Any:
        """An entry of ``results.json``.

        Raises:
            UserError: if it has none of this name.
        """
        if name not in self.finished:
            raise UserError(f"{self.results}: there is no {name!r}, which is needed for this.")
        return self.finished[name]

    def option(self, name: str, kind: type) -> Any:
        """An option of the run's configuration, by its dotted name.

        Raises:
            UserError: if the configuration cannot be read, or the option is missing or not of the type ``kind``.
        """
        value: Any = self.options
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            raise UserError(f"{self.config}: expected {name} to be a {kind.__name__}, but got {value!r}.")
        return value

    @cached_property
    def options(self) -> dict[str, Any]:
        """The run's configuration, nested."""
        return read_yaml(self.config)

    def weights(self, name: str) -> Path:
        """The checkpoint with the ``best``, the ``last`` or the ``averaged`` weights of this run's training."""
        return {"best": self.best, "last": self.last, "averaged": self.averaged}[name]

    @property
    def checkpoint(self) -> Path:
        """The checkpoint that was tested.

        Raises:
            UserError: if it is missing.
        """
        named = self.options.get("test_checkpoint")
        # The path recorded for the run's own checkpoint is not used: the folder may have been renamed since.
        recorded = self.finished.get("checkpoint")
        own = self.weights(self.options.get("test_weights", "best"))
        checkpoint = own if named is None else self.path / str(dict(recorded or {}).get("path"))
        if not checkpoint.exists():
            raise UserError(f"{checkpoint}: not found; a run needs its checkpoint for this.")
        return checkpoint


def weights_name(checkpoint: Path) -> str | None:
    """Which weights of a training a run's checkpoint holds, by its file name; None if it has another name.

    >>> weights_name(Path("runs/a/checkpoints/last.ckpt"))
    'last'
    """
    return checkpoint.stem if checkpoint.stem in ("best", "last", "averaged") else None


def differences(old: Any, new: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two nested configurations differ: the dotted name of each such option, and its two values.

    Options that only one of them has are ignored, as they come from different versions of the package. Attacks,
    languages and keyboards are compared nevertheless, because users name them.

    >>> list(differences({"a": {"b": 1, "c": None, "old": 2}}, {"a": {"b": 3, "c": {"d": 4}}}))
    [('a.b', 1, 3), ('a.c', None, {'d': 4})]
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield name, old, new
        return
    if name.rpartition(".")[2] in _OF_THE_USERS and old.keys() != new.keys():
        yield name, sorted(old), sorted(new)
    elif bool(old) != bool(new) and not name.endswith(".init_args"):
        yield name, old, new
    for key in sorted(old.keys() & new.keys()):
        yield from differences(old[key], new[key], f"{name}.{key}" if name else str(key))
