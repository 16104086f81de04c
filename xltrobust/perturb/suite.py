"""Suites: fixed, versioned sets of attacks, so that a figure of one run can stand beside that of another.

A suite is a file in ``suites/``. What it says never changes: another definition gets another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xltrobust.arguments import hash_of
from xltrobust.errors import UserError
from xltrobust.example import Language
from xltrobust.perturb.recipe import Attack
from xltrobust.reading import read_yaml
from xltrobust.spelling import did_you_mean

_FOLDER = Path(__file__).parent / "suites"

Mode = Literal["full", "robust"]  # every attack on every example, or one after the other until one breaks the example


@dataclass(frozen=True)
class Suite:
    """A set of attacks. A text is robust if it is answered rightly under each of ``attacks`` that applies to it.

    Args:
        name: with ``@N`` at the end if its budgets are not its own: then it is another suite.
        hash: of the definition.
        attacks: by their names in results, ``NAME:ATTACK``.
        controls: attacks that are run beside these and do not count: they search without looking at answers.
    """

    name: str
    hash: str
    attacks: dict[str, Attack]
    controls: dict[str, Attack]

    @property
    def all(self) -> dict[str, Attack]:
        """The attacks and, after them, the controls."""
        return self.attacks | self.controls

    def record(self, languages: Iterable[tuple[str, Language]], mode: Mode = "full") -> dict[str, Any]:
        """What ``results.json`` says of the suite.

        Args:
            languages: of the test sets, by name. Those whose script an attack has nothing to change in are recorded
                as ``not_applicable``.
            mode: how it was run.
        """
        languages = list(languages)
        spared = {
            attack: [name for name, language in languages if not recipe.perturbation.changes(language)]
            for attack, recipe in self.attacks.items()
        }
        return {
            "hash": self.hash,
            "mode": mode,
            "attacks": list(self.attacks),
            "controls": list(self.controls),
            "not_applicable": {attack: names for attack, names in spared.items() if names},
        }


def suite_names() -> list[str]:
    """The suites that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def suite_file(name: str) -> Path:
    """The file that defines a suite."""
    return _FOLDER / f"{name}.yaml"


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Args:
        name: one of :func:`suite_names`; or ``NAME@N``, the same attacks with at most N passes for an example, which
            results call by this name and do not count as the suite.

    Raises:
        UserError: if there is no such suite.

    >>> load_suite("standard-1@20").attacks["standard-1@20:case"].budget
    20
    """
    from xltrobust.building import build  # the parser takes a while to import

    base, at, given = name.partition("@")
    if base not in (known := suite_names()):
        raise UserError(f"suite: {base!r} is none of {', '.join(known)}{did_you_mean(base, known)}")
    if at and (not given.isdecimal() or int(given) < 1):
        raise UserError(f"suite: expected a number of passes after the @ of {name!r}, like {base}@20.")
    definition = read_yaml(suite_file(base))
    if at:
        definition = _with_budget(definition, int(given))
    digest = hash_of(definition)  # first: the parser writes into what it is given
    parts = {
        part: {
            f"{name}:{attack}": build("attack", Attack, options, f"suite {name}: {attack}")
            for attack, options in definition[part].items()
        }
        for part in ("attacks", "controls")
    }
    return Suite(name, digest, parts["attacks"], parts["controls"])


def _with_budget(definition: dict[str, Any], budget: int) -> dict[str, Any]:
    return {
        part: {attack: options | {"budget": budget} for attack, options in attacks.items()}
        for part, attacks in definition.items()
    }
