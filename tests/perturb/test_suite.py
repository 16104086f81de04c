"""Suites: their definitions are data of the package, and do not change."""

from __future__ import annotations

import hashlib
import random
from importlib import resources

import pytest

from perturb.sentences import SENTENCES
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.suite import load_suite, suite_names

# Of the definition, and of the edits that its perturbations propose for some sentences.
PINNED = {"standard-1": ("822835d3d72e3445764da9b3e27c77eb", "5b89b1a1ac30bd2765397a05788ed3a1")}
FIXED = (
    "{} has another {} than when it was fixed, so its figures would not compare: undo the change, or give the suite of "
    "the new definition the next name (standard-2), and leave this one as it is."
)


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_never_changes(name: str) -> None:
    assert name in PINNED, f"pin the hash of the new suite {name} here"
    suite = load_suite(name)
    assert suite.hash == PINNED[name][0], FIXED.format(name, "definition")
    digest = hashlib.blake2b(digest_size=16)
    for attack, recipe in suite.all.items():
        for language, text in SENTENCES.items():
            if recipe.perturbation.supports(language):
                edits = recipe.perturbation.candidates(Example("0", language, text, 0), random.Random(0))
                digest.update(f"{attack} {language} {edits}".encode())
    assert digest.hexdigest() == PINNED[name][1], FIXED.format(name, "set of edits")


def test_definitions_are_in_the_package() -> None:
    assert resources.files("xltrobust.perturb").joinpath("suites/standard-1.yaml").is_file()


def test_a_suite_with_another_budget_is_another_suite() -> None:
    suite, cheap = load_suite("standard-1"), load_suite("standard-1@7")
    assert cheap.hash != suite.hash and load_suite("standard-1").hash == suite.hash
    assert [name.partition(":")[2] for name in cheap.all] == [name.partition(":")[2] for name in suite.all]
    assert {recipe.budget for recipe in cheap.all.values()} == {7} and all(
        name.startswith("standard-1@7:") for name in cheap.all
    )


def test_an_attack_without_anything_to_change_does_not_apply() -> None:
    record = load_suite("standard-1").record([("en", "en"), ("zh", "zh-CN"), ("hi", "hin_Deva")])
    spared = record["not_applicable"]
    assert spared["standard-1:case"] == ["zh", "hi"] and spared["standard-1:reordering"] == ["zh"]
    assert "standard-1:typos" not in spared and not set(record["controls"]) & set(record["attacks"])


@pytest.mark.parametrize(
    "name, says",
    [
        ("standart-1", "'standart-1' is none of standard-1: did you mean standard-1?"),
        ("standard-1@", "like standard-1@20"),
        ("standard-1@0", "like standard-1@20"),
        ("other", "is none of standard-1."),
    ],
)
def test_an_unknown_suite_is_refused(name: str, says: str) -> None:
    with pytest.raises(UserError, match=says.replace("?", r"\?")):
        load_suite(name)
