"""Finished runs of which one file is damaged, given to every command that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle

from malformed.workplace import REMOVED, Case, Damage, cut, directory, remove, saved, setting, write

DEEP = "[" * 100_000
BOMB = "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

RESULTS: dict[str, Damage] = {
    "missing": remove("run/results.json"),
    "folder": directory("run/results.json"),
    "empty": write("run/results.json", ""),
    "list": write("run/results.json", "[]"),
    "null": write("run/results.json", "null"),
    "binary": write("run/results.json", bytes(range(256))),
    "latin-1": write("run/results.json", '{"name": "grün"}'.encode("latin1")),
    "truncated": cut("run/results.json"),
    "deep": write("run/results.json", DEEP),
    "schema": setting("schema", 99, "run/results.json"),
    "no-source": setting("source", REMOVED, "run/results.json"),
}
RESULTS_COMMANDS = {
    "predict": "--run run data/en/test.tsv",
    "export": "--run run exported",
    "report": "run",
    "attack": "--run run --attack attack.yaml",
}

CONFIGURATION: dict[str, Damage] = {
    "missing": remove("run/config.yaml"),
    "folder": directory("run/config.yaml"),
    "empty": write("run/config.yaml", ""),
    "list": write("run/config.yaml", "[1, 2]"),
    "no-yaml": write("run/config.yaml", "data: [a\n"),
    "binary": write("run/config.yaml", bytes(range(256))),
    "bomb": write("run/config.yaml", BOMB),
    "deep": write("run/config.yaml", DEEP),
    "python": write("run/config.yaml", "data: !!python/object/apply:os.system [touch broken]\n"),
    "no-data": setting("data", REMOVED, "run/config.yaml"),
    "data-text": setting("data", "text", "run/config.yaml"),
    "max-length": setting("data.init_args.max_length", "many", "run/config.yaml"),
}
CONFIGURATION_COMMANDS = {
    "predict": "--run run texts.txt",
    "export": "--run run exported",
    "attack": "--run run --attack attack.yaml",
}

CHECKPOINTS: dict[str, Damage] = {
    "empty": write("run/checkpoints/last.ckpt", ""),
    "truncated": cut("run/checkpoints/last.ckpt"),
    "text": write("run/checkpoints/last.ckpt", "no checkpoint\n"),
    "foreign": saved("run/checkpoints/last.ckpt", {"weights": [1, 2, 3]}),
    "list": saved("run/checkpoints/last.ckpt", [1, 2, 3]),
    "folder": directory("run/checkpoints/last.ckpt"),
    "missing": remove("run/checkpoints/last.ckpt"),
}

PREDICTIONS: dict[str, Callable[[str], Damage]] = {
    "missing": remove,
    "folder": directory,
    "empty": lambda name: write(name, ""),
    "text": lambda name: write(name, "id,text\n1,a\n"),
    "truncated": cut,
}
PREDICTIONS_COMMANDS = {
    "report": ("run", "run"),
    "report.seeds": ("seeds/plain seeds/other", "seeds/other/a"),
    "attack": ("--run run --attack attack.yaml", "run"),
}


def _crossed(damages: Iterable[str], commands: Sequence[str], everywhere: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs damages with commands: some with all, the others with one in turn, as commands share their readers."""
    turn = cycle(commands)
    for kind in damages:
        for command in commands if kind in everywhere else [next(turn)]:
            yield kind, command


_TEXTS = write("texts.txt", "red\n")
CASES: dict[str, Case] = {}
for kind, command in _crossed(RESULTS, list(RESULTS_COMMANDS), ["list", "null"]):
    arguments = RESULTS_COMMANDS[command]
    CASES[f"{command}: results.json {kind}"] = Case(command, arguments, ("run/results.json",), (RESULTS[kind],))
for kind, command in _crossed(CONFIGURATION, list(CONFIGURATION_COMMANDS), ["list", "no-yaml"]):
    arguments, damages = CONFIGURATION_COMMANDS[command], (CONFIGURATION[kind], _TEXTS)
    CASES[f"{command}: config.yaml {kind}"] = Case(command, arguments, ("run/config.yaml",), damages)
for kind, command in _crossed(CHECKPOINTS, list(CONFIGURATION_COMMANDS), ["truncated", "foreign"]):
    arguments, damages = CONFIGURATION_COMMANDS[command], (CHECKPOINTS[kind], _TEXTS)
    CASES[f"{command}: checkpoint {kind}"] = Case(command, arguments, ("last.ckpt",), damages)
for kind, command in _crossed(PREDICTIONS, list(PREDICTIONS_COMMANDS), ["truncated"]):
    arguments, folder = PREDICTIONS_COMMANDS[command]
    damage = PREDICTIONS[kind](f"{folder}/predictions.parquet")
    CASES[f"{command}: predictions.parquet {kind}"] = Case(
        command, arguments, (f"{folder}/predictions.parquet",), (damage,)
    )
