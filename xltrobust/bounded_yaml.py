"""YAML that users give, looked over before anything is built of it: how deep, how large once its aliases are expanded.

Ten lines of aliases can stand for a thousand million values. PyYAML shares them, but whoever walks through what it
builds, as parsers of configurations do, never comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

_MAX_DEPTH = 100
_MAX_REPEATED = 10_000  # values that aliases stand for
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Frame:
    """A list or mapping that has begun; keys, and whether the next value is one, are of mappings alone."""

    anchor: str | None
    keys: set[str] | None
    size: int = 1
    children: int = field(default=0)


def check_yaml(text: str) -> None:
    """Refuses YAML that is nested too deep, that aliases make too large, or that gives a key twice.

    Raises:
        yaml.YAMLError: with the place.
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
                    raise _error(f"the alias *{event.anchor} is inside of what it stands for", event)
                size = sizes.get(str(event.anchor), 1)
                repeated += size
            elif event.anchor:
                sizes[event.anchor] = 1
            if repeated > _MAX_REPEATED or size > _MAX_REPEATED:
                raise _error(f"the alias *{event.anchor} repeats too much: write it out", event)
            if stack:
                stack[-1].size += size


def _count(event: Any, stack: list[_Frame]) -> None:
    """Notes a child of the innermost list or mapping; keys come before their values."""
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
    """Has jsonargparse check YAML, in files and in options alike, before it builds anything of it."""
    import jsonargparse

    load = jsonargparse.get_loader("yaml")

    def bounded_load(text: str) -> Any:
        check_yaml(text)
        return load(text)

    jsonargparse.set_loader("yaml", bounded_load, exceptions=(yaml.YAMLError,))
    try:
        yield
    finally:
        jsonargparse.set_loader("yaml", load, exceptions=(yaml.YAMLError,))
