from __future__ import annotations

import pytest
from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import Callback

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.errors import one_line


def said_of(**arguments: object) -> str:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(CrossLingualClassification, "data")
    given = {"data_dir": "d", "source": "en", "languages": ["de"]} | arguments
    section = {"class_path": "xltrobust.datamodules.LocalClassification", "init_args": given}
    with pytest.raises((ArgumentError, TypeError, ValueError)) as caught:
        parser.instantiate_classes(parser.parse_object({"data": section}))
    return one_line(caught.value)


def test_what_a_constructor_refuses_is_said_without_what_the_parser_puts_around_it() -> None:
    assert said_of(batch_size=0) == "Expected argument `batch_size` to be at least 1, but got 0."
    assert said_of(languages=["de", "deutsch"]).startswith("Expected argument `languages` to name languages by codes")


def test_a_value_of_the_wrong_type_is_named_with_its_option() -> None:
    said = said_of(batch_size="few")
    assert "batch_size" in said and "few" in said and "NoneType" not in said and "\n" not in said
    assert "'nonsense' is not accepted" in said_of(nonsense=1)


def test_an_error_that_says_nothing_is_told_by_its_kind() -> None:
    assert one_line(KeyError()) == "KeyError" and one_line(ValueError(" a\n b")) == "a b"


@pytest.mark.parametrize("option", ["--callbacks", "--callbacks.help"])
def test_a_class_that_nobody_knows_is_told_by_its_name(option: str) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--callbacks", type=list[Callback] | Callback | None)
    with pytest.raises(ArgumentError) as caught:
        parser.parse_args([option, "Nothing"])
    said = one_line(caught.value)
    assert "no class is called Nothing: `xltrobust list` says what there is" in said and "dot import path" not in said
