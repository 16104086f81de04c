"""Objects are built from their options, or what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xltrobust.building import build
from xltrobust.errors import UserError
from xltrobust.perturb.base import Perturbation

TYPOS = "xltrobust.perturb.TypoPerturbation"


def test_an_object_of_the_class_that_is_named() -> None:
    made = build("perturbation", Perturbation, {"class_path": TYPOS, "init_args": {"operations": ["swap"]}}, "here")
    assert type(made).__name__ == "TypoPerturbation" and list(made.operations) == ["swap"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"class_path": TYPOS, "init_args": {"speed": 1}}, "here: .*speed"),
        ({"class_path": TYPOS, "init_args": {"operations": ["jump"]}}, "here: .*perturbation.*operations.*jump"),
        ({"class_path": "Typos"}, "here: .*no class is called Typos"),
        (3, "here: "),
    ],
)
def test_what_is_wrong_names_where_the_options_are_from(options: object, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        build("perturbation", Perturbation, options, "here")
    assert "\n" not in str(refused.value)


def test_an_error_that_names_its_file_is_left_as_it_is(tmp_path: Path) -> None:
    table = {
        "class_path": "xltrobust.perturb.SynonymSubstitution",
        "init_args": {"tables": {"de": str(tmp_path / "x.tsv")}},
    }
    with pytest.raises(UserError) as refused:
        build("perturbation", Perturbation, table, "here")
    assert str(refused.value).startswith(str(tmp_path / "x.tsv"))
