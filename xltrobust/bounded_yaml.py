"""Checks of users' YAML before it is loaded: how deep it is, and how large once its aliases are expanded.

Ten lines of aliases can stand for a billion values. PyYAML shares the values that repeat, but code that walks through
all of them, as parsers of configurations do, never finishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from xltrobust.renamed import with_new_names

_MAX_DEPTH = 100
_MAX_REPEATED = 10_000  # values that all aliases together may stand for
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Frame:
    """A list or mapping that is being parsed; ``keys`` is None for a list. Every second child of a mapping is a key."""

    anchor: str | None
    keys: set[str] | None
    size: int = 1
    children: int = field(default=0)


def check_yaml(text: str) -> None:
    """Rejects YAML that is nested too deep, that aliases make too large, or that repeats a key.

    Raises:
        yaml.YAMLError: names the problem and its place; also if the text is not YAML at all.
    """
    sizes: dict[str, int] = {}
    stack: list[_Frame] = []
    repeated = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            _count(event, stack)
            stack.append(_Frame(event.anchor, set() if isinstance(event, yaml.MappingStartEvent) else None))
            if len(stack) > _MAX_DEPTH:
                raise _error(f"nested more than {_MAX_DEPTH} levels deep", event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            ended = stack.pop()
            if ended.anchor:
                sizes[ended.anchor] = ended.size
            if stack:
                stack[-1].size += ended.size
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            _count(event, stack)
            size = 1
            if isinstance(event, yaml.AliasEvent):
                if any(frame.anchor == event.anchor for frame in stack):
                    raise _error(f"the alias *{event.anchor} is inside the value it stands for", event)
                size = sizes.get(str(event.anchor), 1)
                repeated += size
            elif event.anchor:
                sizes[event.anchor] = 1
            if repeated > _MAX_REPEATED or size > _MAX_REPEATED:
                raise _error(f"the alias *{event.anchor} stands for too many values: write it out", event)
            if stack:
                stack[-1].size += size


def _count(event: Any, stack: list[_Frame]) -> None:
    """Counts a child of the innermost list or mapping (keys come before their values); rejects a repeated key."""
    if not stack:
        return
    frame = stack[-1]
    if frame.keys is not None and frame.children % 2 == 0 and isinstance(event, yaml.ScalarEvent):
        if event.value in frame.keys and event.value != "<<":
            raise _error(f"the key {event.value!r} is given twice", event)
        frame.keys.add(event.value)
    frame.children += 1


def _error(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


@contextmanager
def bounded_configurations() -> Iterator[None]:
    """Makes jsonargparse check all YAML, in files and options, before it loads it, during the ``with`` block.

    Options of earlier versions are loaded under their present names (:mod:`xltrobust.renamed`).
    """
    import jsonargparse

    load = jsonargparse.get_loader("yaml")

    def bounded_load(text: str) -> Any:
        check_yaml(text)
        return with_new_names(load(text))

    jsonargparse.set_loader("yaml", bounded_load, exceptions=(yaml.YAMLError,))
    try:
        yield
    finally:
        jsonargparse.set_loader("yaml", load, exceptions=(yaml.YAMLError,))
