"""Records the constructor arguments of the parts of attacks and regularizers, for results."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from xltrobust.files import content_hash

# Keys beside the names of arguments; neither can be one itself.
CLASS, HASH = "class", "content-hash"
_SHOWN = 100  # values of an argument; of a longer one, number and hash are recorded instead
_LONGEST = 1000  # characters of a text; the same holds for longer ones


@runtime_checkable
class Described(Protocol):
    """An object that says what results record of it."""

    def described(self) -> dict[str, Any]: ...


class Part:
    """Base class of the parts of attacks and regularizers: results record the arguments of their constructors.

    Arguments are recorded as given, before the constructor runs, so that no class has to keep them as attributes. A
    file is recorded with a hash of its content, a large table by its size and hash alone.
    """

    _noted: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        object.__setattr__(made, "_noted", _note_all(cls, args, kwargs))  # dataclasses may be frozen
        return made

    def described(self) -> dict[str, Any]:
        """The class, all arguments in types of JSON, and hashes of the files among them."""
        return {CLASS: class_name(self), **self._noted}


def describe(value: Any) -> Any:
    """A value in types of JSON; class and hash stand for what JSON cannot hold, or only at great length.

    The hash is None if the value cannot be pickled.

    >>> describe({"rate": 0.5, "sides": ("text",), "operations": {"swap"}})
    {'rate': 0.5, 'sides': ['text'], 'operations': ['swap']}
    """
    if isinstance(value, Described) and not isinstance(value, type):
        return value.described()
    if is_dataclass(value) and not isinstance(value, type):
        return {CLASS: class_name(value)} | {
            field.name: describe(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        return text if isinstance(text, str) and len(text) <= _LONGEST else _by_hash(value, text)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        shown: Any = {str(key): describe(entry) for key, entry in value.items()}
        whole = sorted(([repr(key), describe(entry)] for key, entry in value.items()), key=lambda pair: pair[0])
        return _if_short(value, shown if all(isinstance(key, str) for key in value) else whole, whole)
    if isinstance(value, Set):
        shown = sorted(map(describe, value), key=repr)
        return _if_short(value, shown, shown)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        shown = list(map(describe, value))
        return _if_short(value, shown, shown)
    return {CLASS: class_name(value), HASH: _pickled(value)}


def class_name(value: object) -> str:
    """The name of an object's class, with its module unless that is in this package or built in."""
    cls = type(value)
    known = cls.__module__.partition(".")[0] in ("xltrobust", "builtins")
    return cls.__name__ if known else f"{cls.__module__}.{cls.__qualname__}"


def hash_of(value: Any) -> str:
    """A hash (16 bytes, in hexadecimal) of a value in types of JSON."""
    return hashlib.blake2b(json.dumps(value).encode("utf8"), digest_size=16).hexdigest()


def _note_all(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        bound = _signature(cls).bind(None, *args, **kwargs)
    except TypeError:
        return {}  # the constructor will reject them, or a copy is made without arguments
    given = dict(bound.arguments)
    bound.apply_defaults()
    noted: dict[str, Any] = {}
    hashes: dict[str, str | None] = {}
    for at, (name, value) in enumerate(bound.arguments.items()):
        if at == 0:
            continue  # self
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            noted |= {key: describe(option) for key, option in value.items()}
        elif kind is not inspect.Parameter.VAR_POSITIONAL or len(value):
            noted[name] = describe(value)
        if name in given:  # defaults name no files of the user's
            hashes |= {path: content_hash(Path(path)) for path in _files(value)}
    return noted | ({HASH: hashes} if hashes else {})


@lru_cache(maxsize=256)
def _signature(cls: type) -> inspect.Signature:
    return inspect.signature(cls.__init__)  # type: ignore[misc]


def _files(value: Any) -> Iterator[str]:
    """The paths in an argument of files, and of directories of pretrained models."""
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        try:
            if isinstance(text, str) and (os.path.isfile(text) or os.path.isfile(os.path.join(text, "config.json"))):
                yield text
        except ValueError:
            return  # it contains a NUL
    elif isinstance(value, Mapping) and not isinstance(value, Described) and len(value) <= _SHOWN:
        for entry in value.values():
            yield from _files(entry)
    elif isinstance(value, list | tuple | Set) and len(value) <= _SHOWN:
        for entry in value:
            yield from _files(entry)


def _if_short(value: Any, shown: Any, whole: list[Any]) -> Any:
    return shown if _leaves(shown) <= _SHOWN else _by_hash(value, whole)


def _by_hash(value: Any, whole: Any) -> dict[str, Any]:
    return {CLASS: class_name(value), "size": len(whole), HASH: hash_of(whole)}


def _leaves(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(map(_leaves, value.values() if isinstance(value, dict) else value))
    return 1


class _Hashing:
    """A writable file that keeps only a hash of what is written."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def _pickled(value: Any) -> str | None:
    """A hash of a pickled object; None if it cannot be pickled."""
    into = _Hashing()
    try:
        pickle.Pickler(into, protocol=5).dump(value)
    except Exception:  # a class of the user's may raise anything
        return None
    return into.digest.hexdigest()
