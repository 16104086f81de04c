"""Every regularizer has a YAML file that can be read, and no file names what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentParser
from regularizers.catalogue import write_synonyms

import xltrobust.regularizers
from xltrobust.regularizers import Regularizer

FILES = sorted((Path(__file__).parents[2] / "experiments" / "regularizers").glob("*.yaml"))


def read(path: Path, synonyms: Path) -> list[Any]:
    text = path.read_text(encoding="utf8").replace("data/counterfitted_neighbors.json", str(synonyms))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--callbacks", type=list[pl.Callback])
    callbacks = yaml.safe_load(text)["trainer"]["callbacks+"]
    return parser.instantiate_classes(parser.parse_object({"callbacks": callbacks})).callbacks


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_makes_a_regularizer(path: Path, tmp_path: Path) -> None:
    (own,) = read(path, write_synonyms(tmp_path))
    assert isinstance(own, Regularizer)


def test_every_regularizer_has_a_file(tmp_path: Path) -> None:
    named = {type(read(path, write_synonyms(tmp_path))[0]).__name__ for path in FILES}
    assert named == set(xltrobust.regularizers.__all__) - {"Regularizer"}
