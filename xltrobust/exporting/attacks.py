"""The attacks of a run, each with a hash of its definition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xltrobust.arguments import hash_of
from xltrobust.report.about import called
from xltrobust.report.blocks import Block, Code, Heading, Prose
from xltrobust.report.tables.base import Cell, Table

_COLUMNS = ("attack", "perturbation", "search", "constraints", "budget", "seed", "definition")
_EXPLAINED = (
    "`definition` begins the BLAKE2b hash (16 bytes) of the attack's entry below, as `json.dumps` writes it with "
    "`sort_keys=True`: attacks of one hash make the same changes, by the same search, within the same budget."
)


def definitions(results: Mapping[str, Any]) -> dict[str, str]:
    """The first 12 hexadecimal digits of a hash of each attack's definition, by the attack's name."""
    return {name: _hash(record["recipe"]) for name, record in _records(results).items()}


def attack_blocks(results: Mapping[str, Any]) -> list[Block]:
    """A table of a run's attacks and their definitions in full; nothing if there were none."""
    records, hashes = _records(results), definitions(results)
    if not records:
        return []
    rows: list[list[Cell]] = [
        [
            name,
            called(record["recipe"].get("perturbation")),
            called(record["recipe"].get("search")),
            ", ".join(map(called, record["recipe"].get("constraints") or [])),
            str(record["recipe"].get("budget") or ""),
            str(record.get("seed", results.get("seed", ""))),
            hashes[name],
        ]
        for name, record in records.items()
    ]
    entries = (f"{json.dumps(name)}: {json.dumps(record['recipe'])}" for name, record in records.items())
    whole = "{\n" + ",\n".join(entries) + "\n}"
    table = Table("", [(name, "") for name in _COLUMNS], rows)
    return [Heading("Attacks"), table, Prose(_EXPLAINED), Code(whole, "json")]


def _records(results: Mapping[str, Any]) -> dict[str, Any]:
    """Those that tell what they were."""
    attacks = results.get("attacks") or {}
    return {name: record for name, record in attacks.items() if isinstance(record.get("recipe"), dict)}


def _hash(recipe: Mapping[str, Any]) -> str:
    """
    >>> _hash({"budget": None, "search": {"draws": 5}}) == _hash({"search": {"draws": 5}, "budget": None})
    True
    """
    return hash_of(json.loads(json.dumps(recipe, sort_keys=True)))[:12]
