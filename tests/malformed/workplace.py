"""A folder with everything that the commands take, including finished runs, and ways to damage its files."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Damage = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A command with malformed input.

    Args:
        command: the module, within ``xltrobust``.
        arguments: as in a shell whose current folder is the workplace.
        says: what the line on standard error has to name.
        damage: what is done to the workplace beforehand.
        stdin: the content of standard input.
        code: the exit code.
    """

    command: str
    arguments: str
    says: tuple[str, ...]
    damage: tuple[Damage, ...] = ()
    stdin: bytes = b""
    code: int = 2


@dataclass
class Commands:
    """The process that runs commands; see :mod:`malformed.server`.

    Args:
        folder: for the files with the commands' input and output.
        environment: environment variables of the process.
    """

    folder: Path
    environment: dict[str, str]
    server: subprocess.Popen = field(init=False)

    def __enter__(self) -> Commands:
        command = [sys.executable, "-m", "malformed.server"]
        self.server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stdin.close()  # type: ignore[union-attr]
        self.server.wait()

    def __call__(
        self, command: str, arguments: list[str], folder: Path, stdin: bytes = b"", stdout: str | None = None
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command."""
        files = {name: self.folder / name for name in ("stdin", "stdout", "stderr")}
        for file in files.values():
            file.write_bytes(b"")
        files["stdin"].write_bytes(stdin)
        request = {"command": command, "arguments": arguments, "folder": str(folder)}
        request |= {name: str(file) for name, file in files.items()} | ({"stdout": stdout} if stdout else {})
        self.server.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        self.server.stdin.flush()  # type: ignore[union-attr]
        code = json.loads(self.server.stdout.readline())  # type: ignore[union-attr]
        printed = (files[name].read_text(encoding="utf8", errors="replace") for name in ("stdout", "stderr"))
        return code, *printed  # type: ignore[return-value]

    def check(self, command: str, arguments: str, folder: Path) -> None:
        """Runs a command that has to succeed."""
        code, _, stderr = self(command, shlex.split(arguments), folder)
        assert code == 0, f"{command} {arguments} ended with {code}:\n{stderr[-4000:]}"


def build(folder: Path, commands: Commands, encoder: Path, data: Path) -> None:
    """Makes the workplace: data, encoder, configuration, a finished run, its export, two methods' runs, an attack."""
    import shutil

    from conftest import write_tiny_config, write_tiny_pairs

    shutil.copytree(encoder, folder / "encoder")
    shutil.copytree(data, folder / "data")
    write_tiny_config(folder / "config.yaml", Path("encoder"), Path("data"), max_epochs=1, logger=False)
    setting("run_dir", "new")(folder)
    setting("model.pooling", "cls")(folder)
    write_tiny_pairs(folder / "pairs.tsv", pairs=40)
    for name, content in LEXICONS.items():
        write(name, content)(folder)
    write("attack.yaml", yaml.safe_dump(ATTACK))(folder)
    commands.check("fit", "--config config.yaml --run_dir run", folder)
    commands.check("export", "--run run classifier", folder)
    for seed in ("plain/a", "other/a"):
        for name in ("results.json", "predictions.parquet"):
            (folder / "seeds" / seed).mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "run" / name, folder / "seeds" / seed / name)


ATTACK = {
    "perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
    "search": {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 2}},
}
LEXICONS = {"lexicon.tsv": "red\trot\nhouse\thaus\n", "synonyms.json": '{"red": ["crimson"]}'}


def snapshot(folder: Path) -> dict[str, str]:
    """All files and folders, each with a hash of its content; lock files are left out, as they stay and are empty."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if not path.match(".*.lock")
    }


# Damages. Each of these functions returns a function that damages a workplace.


def write(name: str, content: str | bytes) -> Damage:
    """Writes a file with this content, in place of whatever is there."""

    def damage(folder: Path) -> None:
        remove(name)(folder)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))

    return damage


def remove(name: str) -> Damage:
    """Removes a file or directory."""
    import shutil

    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return damage


def directory(name: str) -> Damage:
    """Puts an empty directory in the place of a file."""

    def damage(folder: Path) -> None:
        remove(name)(folder)
        (folder / name).mkdir(parents=True)

    return damage


def cut(name: str, share: float = 0.5) -> Damage:
    """Truncates a file to a share of its bytes."""

    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return damage


def changed(name: str, old: str, new: str) -> Damage:
    """Replaces the first occurrence of a text in a file."""

    def damage(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf8")
        assert old in text, f"{name} has no {old!r}"
        (folder / name).write_bytes(text.replace(old, new, 1).encode("utf8", "surrogatepass"))

    return damage


def line(name: str, number: int, new: str | bytes) -> Damage:
    """Replaces a line of a file; lines count from 1."""

    def damage(folder: Path) -> None:
        lines = (folder / name).read_bytes().split(b"\n")
        lines[number - 1] = new if isinstance(new, bytes) else new.encode("utf8")
        (folder / name).write_bytes(b"\n".join(lines))

    return damage


def setting(option: str, value: Any, name: str = "config.yaml") -> Damage:
    """Changes the value of an option, by its dotted name, in a YAML or JSON file."""
    language: Any = json if name.endswith(".json") else yaml
    dump: Callable[[Any], str] = json.dumps if language is json else yaml.safe_dump
    load: Callable[[str], Any] = json.loads if language is json else yaml.safe_load

    def damage(folder: Path) -> None:
        content = load((folder / name).read_text(encoding="utf8"))
        place = content
        *above, last = option.split(".")
        for key in above:
            place = place.setdefault(key, {})
        if value is REMOVED:
            del place[last]
        else:
            place[last] = value
        (folder / name).write_text(dump(content), encoding="utf8")

    return damage


REMOVED = object()


def saved(name: str, value: Any) -> Damage:
    """Saves a value with torch."""

    def damage(folder: Path) -> None:
        import torch

        remove(name)(folder)
        torch.save(value, folder / name)

    return damage
