"""An attack session: a victim, its test sets, and the folder to which attacks add their results."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from lightning_fabric import Fabric

from xltrobust.encoders.sentence_encoder import sentence_encoder
from xltrobust.errors import UserError
from xltrobust.evaluation.from_rows import renewed_figures
from xltrobust.evaluation.predictions import EMPTY_ROW, Row, prediction_row, write_predictions
from xltrobust.example import EvaluationSet
from xltrobust.files import held, write_json
from xltrobust.perturb.base import AttackResult, Victim
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.recipe import first_difference
from xltrobust.reading import read_parquet
from xltrobust.runs.folder import RunFolder

Found = dict[tuple[int, int], AttackResult]
_COLUMNS = ("id", "split", "language", "label", "prediction", "attack", "text", "text_pair", "adversarial_text")


@dataclass
class AttackSession:
    """A victim with its test sets, and the folder that holds its results so far.

    Args:
        folder: of the results.
        results: ``results.json``.
        rows: of ``predictions.parquet``.
        sets: the test sets.
        victim: the model to attack.
        answers: the folder that keeps its answers until an attack has finished.
        max_examples: default cap on the examples of a language.
    """

    folder: RunFolder
    results: dict[str, Any]
    rows: list[Row]
    sets: list[EvaluationSet]
    victim: Victim
    answers: Path
    max_examples: int | None = None
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        self.seed = self.results["seed"]

    def journal(self, rank: int) -> Journal:
        """The answers given so far, and a new file for this process's."""
        return Journal(self.answers, f"{rank}-{secrets.token_hex(4)}")  # another attack may be under way

    def holds(self, name: str, record: dict[str, Any]) -> bool:
        """Whether the folder already holds this attack's results.

        Raises:
            UserError: if it holds an attack of the same name with other settings.
        """
        there = self.results.setdefault("attacks", {}).get(name)
        if there is None:
            return False
        # An older version's fit left its settings out: they were the run's.
        settings = {"seed": self.seed, "max_examples": self.max_examples, "languages": None}
        advice = f"give this one another name, --attack NEW_NAME={name}."
        for option in ("recipe", *settings):
            found = first_difference(there.get(option, settings.get(option)), record[option], option)
            if found and found.unknown:
                raise UserError(
                    f"{self.folder.path} holds an attack named {name}, but does not tell its {found.option}, so that "
                    f"it may be another than this: {advice}"
                )
            if found:
                before, now = (shorten(str(value), 80, placeholder=" …") for value in (found.there, found.here))
                raise UserError(
                    f"{self.folder.path} holds another attack named {name} ({found.option}: {before} there, {now} "
                    f"here): {advice}"
                )
        return True

    def add(self, name: str, found: Found, record: dict[str, Any], similarity: str | None) -> None:
        """Adds an attack to both files, which are read again first: another process may have added to them.

        ``predictions.parquet`` is written first, so that whatever ``results.json`` names is there.

        Raises:
            UserError: if the folder holds another attack of this name by now, or has been tested again.
        """
        new = [prediction_row(self.sets[at], i, r.prediction, name, r) for (at, i), r in sorted(found.items())]
        if similarity:
            _measure_similarity(new, list(dict(sorted(found.items())).values()), similarity)
        with held(self.folder.path):
            self._read_again()
            if self.holds(name, record):
                return
            self.rows = [*(row for row in self.rows if row["attack"] != name), *new]
            write_predictions(self.rows, self.folder.predictions)
            self.results["attacks"][name] = record
            self.results["figures"] = renewed_figures(self.results["figures"], self.rows, self.sets, self.results)
            write_json(self.results, self.folder.results)

    def _read_again(self) -> None:
        if not self.folder.results.exists():
            return
        results = RunFolder(self.folder.path).finished
        if any(results.get(name) != self.results.get(name) for name in ("encoder", "labels", "data", "checkpoint")):
            raise UserError(f"{self.folder.path} was tested anew while it was attacked: attack it again.")
        self.results, self.rows = results, read_rows(self.folder)

    @staticmethod
    def gathered(found: Found, fabric: Fabric) -> Found:
        """The results of all devices."""
        if fabric.world_size == 1:
            return found
        shares: list[Found] = [{} for _ in range(fabric.world_size)]
        torch.distributed.all_gather_object(shares, found)
        return {place: result for share in shares for place, result in share.items()}


def read_rows(folder: RunFolder) -> list[Row]:
    """The rows of a folder's ``predictions.parquet``; columns that older versions did not write are None."""
    frame = read_parquet(folder.predictions, _COLUMNS, others=True).to_pandas().astype(object)
    rows: list[Row] = frame.where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return [row | {name: None for name in EMPTY_ROW if name not in row} for row in rows]


def _measure_similarity(rows: list[Row], results: list[AttackResult], encoder: str) -> None:
    pairs = [
        (at, (result.example, result.adversarial))
        for at, result in enumerate(results)
        if result.adversarial is not None
    ]
    values = sentence_encoder(encoder).similarities([pair for _, pair in pairs])
    for (at, _), value in zip(pairs, values.tolist(), strict=True):
        rows[at]["similarity"] = value
