"""Attacks by the names that a command line gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from xltrobust.datamodules.base import EvaluationSet
from xltrobust.errors import UserError
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.replay import Replay
from xltrobust.run import RunFolder

_COLUMNS = ["split", "language", "id", "attack", "text", "text_pair", "adversarial_text", "adversarial_text_pair"]
SHELF = Path("experiments/attacks")  # of the checkout one works in


def read_recipe(spec: str, folder: RunFolder) -> tuple[str, Attack]:
    """An attack and its name in results.

    Args:
        spec: ``NAME`` of the run's own configuration, a file (``FILE.yaml``, named by its stem; ``NAME=FILE``), or the
            name of a file in ``experiments/attacks``. A file holds the options of
            :class:`~xltrobust.perturb.recipe.Attack`.
        folder: the run's.

    Raises:
        UserError: if there is no such attack, or its options are wrong.
    """
    name, _, file = spec.rpartition("=")
    path = Path(file)
    name = name or path.stem
    own = _configured(folder)
    if spec in own:
        return spec, build_recipe(own[spec], f"{folder.config}: adversarial.attacks.{spec}")
    shelved = SHELF / f"{file}.yaml"
    found = path if path.is_file() else shelved
    if not found.is_file():
        known = sorted({*own, *(other.stem for other in SHELF.glob("*.yaml"))})
        raise UserError(f"--attack {spec}: neither a file nor one of {', '.join(known) or 'the run (it has none)'}.")
    if "/" in name or name in ("clean", "worst"):
        raise UserError(f"--attack {spec}: an attack cannot be named {name!r}; use NAME=FILE.")
    try:
        options = yaml.safe_load(found.read_text(encoding="utf8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{found}: not valid YAML ({' '.join(str(error).split())}).") from None
    return name, build_recipe(options, str(found))


def _configured(folder: RunFolder) -> dict[str, Any]:
    """The options of the attacks of a run's configuration, by name."""
    if not folder.config.is_file():
        return {}
    config = yaml.safe_load(folder.config.read_text(encoding="utf8"))
    return (config.get("adversarial") or {}).get("attacks") or {}


def build_recipe(options: Any, where: str) -> Attack:
    """An attack from its options.

    Raises:
        UserError: naming ``where`` and what is wrong.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--recipe", type=Attack)
    try:
        return parser.instantiate_classes(parser.parse_object({"recipe": options})).recipe
    except (ArgumentError, TypeError, ValueError) as error:
        raise UserError(f"{where}: {' '.join(str(error).split())}") from None


def read_replay(attack: str, other: RunFolder, sets: Sequence[EvaluationSet]) -> tuple[str, Attack]:
    """The texts that an attack found against another run, as an attack named ``{attack}@{run}``.

    Args:
        attack: its name there.
        other: the other run's folder.
        sets: the test sets, which have to hold the same texts.

    Raises:
        UserError: if the other run has no such attack, or its examples are others.
    """
    from pyarrow import parquet

    table = parquet.read_table(other.predictions, columns=_COLUMNS).to_pylist()
    rows = [row for row in table if row["attack"] == attack and row["split"] == "test"]
    if not rows:
        known = ", ".join(dict.fromkeys(row["attack"] for row in table if row["attack"])) or "none"
        raise UserError(f"--attack {attack}: {other.path} has no such attack to replay, but {known}.")
    examples = {(own.name, example.id): example for own in sets if own.split == "test" for example in own.examples}
    texts = {}
    for row in rows:
        example = examples.get((row["language"], row["id"]))
        if example is None:
            continue  # the other run was tested on more
        if (example.text, example.text_pair) != (row["text"], row["text_pair"]):
            where = f"{row['language']}/{row['id']}"
            raise UserError(f"{other.predictions}: {where} is another text than here: not the same data.")
        if row["adversarial_text"] is not None:
            texts[example.language, example.id] = row["adversarial_text"], row["adversarial_text_pair"]
    if not texts:
        raise UserError(f"{other.predictions}: none of the examples attacked there are among these test sets.")
    replay = Replay(texts)
    return f"{attack}@{other.path.resolve().name}", Attack(perturbation=replay, search=replay)
