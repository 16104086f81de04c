"""Tables of whether another model can still read the attacked texts, from ``validity.json``."""

from __future__ import annotations

from typing import Any

from xltrobust.metrics.bootstrap import Interval
from xltrobust.reading import read_json
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.base import Cell, Estimate, Table, percent
from xltrobust.runs.folder import RunFolder

_WHICH = {"broken": "texts that broke an example", "all": "all attacked texts"}


def validity_tables(report: Report) -> list[Table]:
    """Tables for each run that has been validated, of the broken examples and of all; empty without any."""
    return [table for summary in report.summaries for table in _of_run(summary)]


def reader_lines(report: Report) -> list[tuple[str, str]]:
    """Who has read the texts of each validated run: its name, or nothing if there is one alone, and a line."""
    found = [(summary.run.name, _validity(summary)) for summary in report.summaries]
    return [("" if report.single else name, _readers(read["readers"])) for name, read in found if read]


def _validity(summary: Summary) -> dict[str, Any]:
    path = RunFolder(summary.run.path).validity
    return read_json(path) if path.is_file() else {}


def _of_run(summary: Summary) -> list[Table]:
    found = _validity(summary)
    tables = []
    for which, title in _WHICH.items():
        rows = [
            _row(attack, language, one)
            for attack, by_set in found.get("attacks", {}).items()
            for language, one in by_set[which].items()
        ]
        if rows:
            header = [("attack", ""), ("language", ""), ("texts", ""), ("read as before", "attacked")]
            header += [("read as before", "random edits"), ("difference", ""), ("words changed", "attacked / random")]
            tables.append(Table(f"{summary.run.name}: validity in %, {title}", header, rows))
    return tables


def _row(attack: str, language: str, one: dict[str, Any]) -> list[Cell]:
    count: int = one["examples"]
    attacked, by_chance, gap = (
        Interval(value, low, high, examples=count, groups=count)
        for value, low, high in (one[name] for name in ("attacked", "random", "difference"))
    )
    changed = " / ".join(map(percent, one["words_changed"]))
    name = "avg (targets)" if language == "avg" else language
    return [attack, name, str(count), Estimate(attacked), Estimate(by_chance), Estimate(gap, signed=True), changed]


def _readers(readers: dict[str, dict[str, Any]]) -> str:
    """Who has read: encoder, the language of its labels, and how often it is right on clean texts."""
    told = []
    for language, reader in readers.items():
        right = f", right on {percent(reader['accuracy'])} % of the clean texts" if "accuracy" in reader else ""
        told.append(f"{language}: {reader['encoder']}, trained on labels in {reader['source']}{right}")
    return f"Read as before: a second model answers as it answered the clean text. Readers: {'; '.join(told)}."
