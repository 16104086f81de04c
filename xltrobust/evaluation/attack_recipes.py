"""Builds attacks from the names that the command line gives: of the configuration, of a file, or of another run."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xltrobust.building import build
from xltrobust.errors import UserError
from xltrobust.evaluation.predictions import check_same_texts
from xltrobust.example import EvaluationSet
from xltrobust.perturb.recipe import Attack, check_attack_name, describe_attack, first_difference
from xltrobust.perturb.searches.replay import Replay
from xltrobust.perturb.suite import load_suite, suite_names
from xltrobust.reading import read_parquet, read_yaml
from xltrobust.runs.folder import RunFolder

_COLUMNS = ["split", "language", "id", "attack", "text", "text_pair", "adversarial_text", "adversarial_text_pair"]
# Of the directory one works in, of the checkout that the package runs from, of an installed package.
SHELVES = (
    Path("experiments/attacks"),
    Path(__file__).resolve().parents[2] / "experiments/attacks",
    Path(sysconfig.get_path("data")) / "share/xltrobust/attacks",
)


def read_recipe(spec: str, folder: RunFolder) -> tuple[str, Attack]:
    """An attack and its name in results.

    Args:
        spec: ``NAME`` of an attack of the run's own configuration, of a file (``FILE.yaml``, named by its stem), or of
            an attack that comes with the package (``experiments/attacks``, or ``SUITE:ATTACK``); ``NEW_NAME=`` before
            it renames it. A file holds the options of :class:`~xltrobust.perturb.recipe.Attack`.
        folder: the run's.

    Raises:
        UserError: if there is no such attack, or its options are wrong.
    """
    name, _, file = spec.rpartition("=")
    path = Path(file)
    name = name if "=" in spec else path.stem
    configured = _configured(folder)
    if spec in configured:
        return _checked(spec, spec), build_recipe(configured[spec], f"{folder.config}: adversarial.attacks.{spec}")
    found = attack_file(file)
    if file in configured and found is None:
        return _checked(name, spec), build_recipe(configured[file], f"{folder.config}: adversarial.attacks.{file}")
    if found is None and ":" in file and file.partition("@")[0].partition(":")[0] in suite_names():
        attacks = load_suite(file.partition(":")[0]).all
        if file in attacks:
            return _checked(name, spec), attacks[file]
        raise UserError(f"--attack {spec}: not one of {', '.join(attacks)}.")
    if found is None:
        known = sorted({*configured, *shelved()})
        raise UserError(f"--attack {spec}: neither a file nor one of {', '.join(known) or 'the run (it has none)'}.")
    return _checked(name, spec), build_recipe(read_yaml(found), str(found))


def attack_file(name: str) -> Path | None:
    """The file of an attack: the file of that path, or else one of :func:`shelved`; None if there is neither."""
    path = Path(name)
    return path if path.is_file() else shelved().get(name)


def attacks_of_names(names: Iterable[str]) -> dict[str, Any]:
    """The options of attacks by name, as the section ``adversarial.attacks`` of a configuration has them.

    Args:
        names: of files, or of those that come with the package.

    Raises:
        UserError: if there is no such attack.
    """
    found = {}
    for name in names:
        if (path := attack_file(name)) is None:
            raise UserError(f"attacks: {name!r} is neither a file nor one of {', '.join(sorted(shelved()))}.")
        found[path.stem] = read_yaml(path)
    return found


def shelved() -> dict[str, Path]:
    """Files of attacks by name: those of the directory one works in go before those that come with the package."""
    return {path.stem: path for shelf in reversed(SHELVES) for path in sorted(shelf.glob("*.yaml"))}


def _checked(name: str, spec: str) -> str:
    """The name of an attack, if it can be one."""
    try:
        check_attack_name(name)
    except ValueError as error:
        raise UserError(f"--attack {spec}: {error} Use --attack NEW_NAME=NAME.") from None
    return name


def _configured(folder: RunFolder) -> dict[str, Any]:
    """The options of the attacks of a run's configuration, by name."""
    if not folder.config.is_file():
        return {}
    return (folder.options.get("adversarial") or {}).get("attacks") or {}


def build_recipe(options: Any, where: str) -> Attack:
    """An attack from its options.

    Raises:
        UserError: naming ``where`` and what is wrong.
    """
    return build("recipe", Attack, options, where)


def read_replay(
    spec: str, other: RunFolder, sets: Sequence[EvaluationSet], there: Mapping[str, Any] | None = None
) -> tuple[str, Attack]:
    """An attack that tries the texts that another run's attack found (transfer).

    Its name is ``{attack}@{run}``; if another run's texts have that name already, parent folders are added
    (``typo@b:seed-0``) until the name is free.

    Args:
        spec: the attack's name there, or ``NEW_NAME=NAME``.
        other: the other run's folder.
        sets: the test sets, which have to hold the same texts.
        there: the records of the attacks that the results hold already, by name.

    Raises:
        UserError: if the other run has no such attack, or its examples are others.
    """
    table = read_parquet(other.predictions, _COLUMNS).to_pylist()
    known = dict.fromkeys(row["attack"] for row in table if row["attack"])
    given, _, attack = ("", "", spec) if spec in known else spec.rpartition("=")
    rows = [row for row in table if row["attack"] == attack and row["split"] == "test"]
    if not rows:
        raise UserError(
            f"--attack {spec}: {other.path} has no such attack to replay, but {', '.join(known) or 'none'}."
        )
    check_same_texts(rows, sets, str(other.predictions))
    languages = {evaluation_set.name: evaluation_set.language for evaluation_set in sets}
    here = {
        (evaluation_set.name, example.id)
        for evaluation_set in sets
        if evaluation_set.split == "test"
        for example in evaluation_set.examples
    }
    texts = {
        (languages[row["language"]], row["id"]): (row["adversarial_text"], row["adversarial_text_pair"])
        for row in rows
        if row["adversarial_text"] is not None and (row["language"], row["id"]) in here
    }
    if not texts:
        raise UserError(f"{other.predictions}: none of the examples attacked there are among these test sets.")
    path = other.path.resolve()
    replay = Replay(texts, run=str(path), attack=attack)
    recipe = Attack(perturbation=replay, search=replay)
    if given:
        return _checked(given, spec), recipe
    described = describe_attack(recipe)
    names = [f"{attack}@{':'.join(path.parts[-depth:])}" for depth in range(1, len(path.parts))]
    taken = [name for name in names if name in (there or {})]
    held = [name for name in taken if not first_difference((there or {})[name].get("recipe"), described)]
    return _checked([*held, *(name for name in names if name not in taken), names[-1]][0], spec), recipe
