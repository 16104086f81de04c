"""Reads what W&B wrote offline."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_BLOCK = 32768


def wandb_records(path: Path) -> Iterator:
    """The records of a ``.wandb`` file: protocol buffers in the frames of LevelDB's log format."""
    from wandb.proto import wandb_internal_pb2

    data = path.read_bytes()
    at, whole = 7, b""  # the file begins with an identifier of seven bytes
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:  # too little left in the block for another frame's header
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0:
            at += _BLOCK - at % _BLOCK
            continue
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # full, last
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


class Logged:
    """What the processes of one run told W&B.

    Attributes:
        history: the last value of everything that is a curve, a table or a picture.
        rows: the steps of the curves, in order.
        summary: single values.
        config: the configuration, nested.
        axes: over which figure the figures of a pattern are drawn.
        runs: the run as each process announced it.
    """

    def __init__(self, run: Path) -> None:
        self.history: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.axes: dict[str, str] = {}
        self.runs: list[Any] = []
        for file in sorted(run.glob("wandb/offline-run-*/*.wandb")):
            for record in wandb_records(file):
                self._take(record)

    def _take(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self.rows.append(dict(_items(record.history.item)))
            self.history |= self.rows[-1]
        elif kind == "summary":
            self.summary |= dict(_items(record.summary.update))
        elif kind == "config":
            self.config |= dict(_items(record.config.update))
        elif kind == "run":
            self.runs.append(record.run)
            self.config |= dict(_items(record.run.config.update))
        elif kind == "metric":
            self.axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric


def _items(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for item in items:
        yield "/".join(item.nested_key) if item.nested_key else item.key, json.loads(item.value_json)
