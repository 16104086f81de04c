"""Resolves a cell's configuration as ``fit`` does, and names it by a hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from xltrobust.arguments import hash_of
from xltrobust.bounded_yaml import bounded_configurations
from xltrobust.cli import FitCLI
from xltrobust.command import as_process, user_errors
from xltrobust.errors import UserError
from xltrobust.runs.folder import differences
from xltrobust.silence import silence

_LENGTH = 12  # characters of a hash that name a folder
# Where a run is made, and what is shown and logged of it: none of these changes what is trained or tested.
VOLATILE = (
    "run_dir", "wandb", "trainer.logger", "trainer.accelerator", "trainer.strategy", "trainer.devices",
    "trainer.num_nodes", "trainer.default_root_dir", "trainer.log_every_n_steps", "trainer.enable_progress_bar",
    "trainer.enable_model_summary", "trainer.profiler", "trainer.enable_autolog_hparams", "trainer.model_registry",
    "last_checkpoint", "data.init_args.num_workers", "data.init_args.validate_targets",
)  # fmt: skip
# Of these, one is as good as another; but more than one train on as many times larger batches.
_NUMBERS = ("trainer.devices", "trainer.num_nodes")


class _Parsed(FitCLI):
    """``fit``'s parser and its checks; nothing is instantiated."""

    def instantiate_classes(self) -> None:
        pass


def resolved(fragments: Iterable[Mapping[str, Any]], run_dir: Path) -> dict[str, Any]:
    """The configuration of fragments on top of each other, with all defaults, as a run's ``config.yaml`` has it.

    Args:
        fragments: nested options; ``callbacks+`` and the like add to what is below.
        run_dir: any folder that does not exist.

    Raises:
        UserError: what ``fit`` would say of it.
    """
    texts = [yaml.safe_dump(dict(fragment), allow_unicode=True, sort_keys=False) for fragment in fragments]
    arguments = [part for text in texts for part in ("--config", text)] + ["--run_dir", str(run_dir)]
    from jsonargparse import ArgumentError

    with as_process(arguments), silence(), bounded_configurations(), user_errors(ValueError, OSError, ArgumentError):
        parsed = _Parsed()
    options: dict[str, Any] = yaml.safe_load(parsed.config_text)
    return options


def config_hash(config: Mapping[str, Any]) -> str:
    """The name of a configuration's cell: a hash of all that may change its results.

    >>> config = {"run_dir": "a", "model": {"encoder": "e"}, "trainer": {"devices": 1, "max_epochs": 3}}
    >>> here = config_hash(config)
    >>> here == config_hash(config | {"run_dir": "b", "trainer": {"max_epochs": 3, "devices": "auto"}})
    True
    >>> here == config_hash(config | {"trainer": {"devices": 1, "max_epochs": 4}})
    False
    >>> here == config_hash(config | {"trainer": {"devices": 2, "max_epochs": 3}})
    False
    """
    kept = _without(dict(config), "")
    return hash_of(json.loads(json.dumps(kept, sort_keys=True)))[:_LENGTH]


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """The first option in which two configurations are not the same cell's; None if they are.

    Options that only one of them has do not count: they come from different versions of the package.
    """
    for name, before, now in differences(dict(there), dict(here)):
        if not name.startswith(VOLATILE) or (name in _NUMBERS and _number(before) != _number(now)):
            return f"{name}: {str(before)[:60]} there, {str(now)[:60]} here"
    return None


def named_errors(
    base: Iterable[Mapping[str, Any]], levels: Mapping[str, tuple[Mapping[str, Any], ...]], run_dir: Path
) -> Iterator[str]:
    """Which parts of a combination ``fit`` refuses by themselves: the base, or a level of a factor on top of it."""
    base = list(base)
    for name, fragments in {"base": (), **levels}.items():
        try:
            resolved([*base, *fragments], run_dir)
        except UserError:
            yield name
            if name == "base":
                return


def _without(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    parts = {key: f"{name}.{key}" if name else str(key) for key in value}
    kept = {
        str(key): _without(part, parts[key])
        for key, part in value.items()
        if parts[key] not in VOLATILE or (parts[key] in _NUMBERS and _number(part) > 1)
    }
    return kept | {key: _number(part) for key, part in kept.items() if parts[key] in _NUMBERS}


def _number(devices: Any) -> int:
    """How many devices or machines an option names; 1 where that is left to the machine.

    >>> [_number(devices) for devices in (None, "auto", 1, 4, "4", [0, 1], "0,1", -1)]
    [1, 1, 1, 4, 4, 2, 2, 1]
    """
    if isinstance(devices, list):
        return len(devices)
    if isinstance(devices, str) and "," in devices:
        return len([part for part in devices.split(",") if part.strip()])
    return max(1, int(devices)) if isinstance(devices, int) or str(devices).isdecimal() else 1
