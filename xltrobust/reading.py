"""Reading files that may be missing, damaged or of another kind: any error is one line that names the file."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xltrobust.bounded_yaml import check_yaml
from xltrobust.errors import UserError, one_line
from xltrobust.renamed import with_new_names

if TYPE_CHECKING:
    import pyarrow as pa


# Traces of files that were concatenated, or come from another system or in another encoding.
_STRAY = {"\r": "a carriage return", "\ufeff": "a byte order mark", "\0": "a null character"}


def read_text(path: Path) -> str:
    """The text of a UTF-8 file.

    Raises:
        UserError: if it does not exist, cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    try:
        return data.decode("utf8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{data.count(10, 0, error.start) + 1}: not UTF-8; convert the file to UTF-8.") from None


def decoded_lines(file: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines of a UTF-8 file, which end with a line feed or with a carriage return and a line feed.

    Args:
        file: a binary file.
        name: the file's name in messages.

    Raises:
        UserError: if a line is not UTF-8, or contains a control character as above; names the line.
    """
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf8")
        except UnicodeDecodeError:
            raise UserError(f"{name}:{number}: not UTF-8; convert the file to UTF-8.") from None
        text = text.removesuffix("\n").removesuffix("\r")
        for character, meaning in _STRAY.items():
            if character in text and (character != "\ufeff" or text.startswith(character)):
                raise UserError(f"{name}:{number}: {meaning} inside the text; take it out.")
        yield text


def text_lines(file: str) -> Iterator[str]:
    """The lines of a UTF-8 file, or of standard input (``-``), one after the other.

    Raises:
        UserError: if there is no such file, or a line is wrong: see :func:`decoded_lines`.
    """
    if file == "-":
        yield from decoded_lines(sys.stdin.buffer, "-")
        return
    try:
        with Path(file).open("rb") as opened:
            yield from decoded_lines(opened, file)
    except OSError as error:
        raise UserError(f"{file}: no such file that can be read ({error.strerror}).") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The options in a YAML file.

    Raises:
        UserError: if it cannot be read, is not valid YAML, or is not a mapping from names of options.
    """
    text = read_text(path)
    try:
        check_yaml(text)
        options = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}{yaml_problem(error)}") from None
    if not isinstance(options, dict):
        raise UserError(f"{path}: expected options by name, but got {_type_of(options)}.")
    return with_new_names(options)


def yaml_problem(error: yaml.YAMLError) -> str:
    """What a YAML parser found wrong, and in which line, to be appended to the file's name."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
    line = f":{mark.line + 1}" if mark else ""
    return f"{line}: not valid YAML ({' '.join(str(problem).split())})."


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UserError: if the file cannot be read, or does not hold a JSON object.
    """
    text = read_text(path)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not valid JSON ({error.msg}).") from None
    except RecursionError:
        raise UserError(f"{path}: not valid JSON (nested too deep).") from None
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f"{path}: not valid JSON ({error}).") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object, but got {_type_of(value)}.")
    return value


def read_parquet(path: Path, columns: Sequence[str], *, others: bool = False) -> pa.Table:
    """The table in a Parquet file.

    Args:
        path: the file.
        columns: the columns that it must have.
        others: whether to read all other columns too.

    Raises:
        UserError: if the file cannot be read or lacks a column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            names = parquet.read_schema(file).names
            if missing := [name for name in columns if name not in names]:
                raise UserError(f"{path}: no column {missing[0]!r}; the file has {', '.join(names)}.")
            return parquet.read_table(file, columns=None if others else list(columns))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file.") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({one_line(error)}).") from None


def check_checkpoint(path: Path) -> None:
    """Checks that a file is a complete Lightning checkpoint, without reading the weights.

    Raises:
        UserError: if it is not; says what it is instead.
    """
    import torch

    with checkpoint_errors(path):
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        if not isinstance(content, dict) or not {"state_dict", "pytorch-lightning_version"} <= content.keys():
            raise UserError(f"{path}: not a checkpoint of a run, but {_type_of(content)} that torch saved.")


@contextmanager
def checkpoint_errors(path: Path) -> Iterator[None]:
    """Turns any error while a checkpoint is loaded into a ``UserError`` of one line that names the checkpoint."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint.") from None
    except (
        OSError, EOFError, KeyError, TypeError, AttributeError, ValueError, RuntimeError, pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:  # fmt: skip
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not a complete checkpoint of such a model ({one_line(error)[:200]}).") from None


@contextmanager
def state_errors(path: str | Path) -> Iterator[None]:
    """Turns torch's error about weights that do not fit the model into a ``UserError`` of one line."""
    try:
        yield
    except RuntimeError as error:
        if "loading state_dict" not in str(error):
            raise
        raise UserError(f"{path}: the weights are another model's ({one_line(error)[:200]}).") from None


def _type_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), f"a value of type {type(value).__name__}")
