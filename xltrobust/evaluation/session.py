"""An attack session: a victim, its test sets, and the folder to which attacks add their results."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from xltrobust.encoders.sentence_encoder import sentence_encoder
from xltrobust.errors import UserError
from xltrobust.evaluation.from_rows import clean_figures_of, renewed_figures
from xltrobust.evaluation.predictions import EMPTY_ROW, Row, attack_record, place_of, prediction_row, write_predictions
from xltrobust.evaluation.scope import Scope, extended, with_languages, without_languages
from xltrobust.example import EvaluationSet, single_languages
from xltrobust.files import held, write_json
from xltrobust.perturb.base import AttackResult, Victim
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.recipe import Attack, describe_attack, first_difference
from xltrobust.reading import read_parquet
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import git_state

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

    def scope(self, name: str, attack: Attack, wanted: Scope, seed: int) -> Scope:
        """What an attack covers once it has been run as wanted, beside what the folder holds of it already.

        Raises:
            UserError: if the folder holds an attack of the same name with another recipe or seed.
        """
        if (there := self.results.setdefault("attacks", {}).get(name)) is None:
            return wanted
        advice = f"give this one another name, --attack NEW_NAME={name}."
        # An older version's fit left the seed and the scope out: they were the run's.
        options = {
            "recipe": (there.get("recipe"), describe_attack(attack)),
            "seed": (there.get("seed", self.seed), seed),
        }
        for option, (before, now) in options.items():
            found = first_difference(before, now, option)
            if found and found.unknown:
                raise UserError(
                    f"{self.folder.path} holds an attack named {name}, but does not tell its {found.option}, so that "
                    f"it may be another than this: {advice}"
                )
            if found:
                values = (shorten(str(value), 80, placeholder=" …") for value in (found.there, found.here))
                raise UserError(
                    f"{self.folder.path} holds another attack named {name} ({found.option}: {next(values)} there, "
                    f"{next(values)} here): {advice}"
                )
        return wanted.joined(Scope(there.get("languages"), there.get("max_examples", self.max_examples)))

    def done(self, attack: str | None) -> set[tuple[int, int]]:
        """The examples that the folder holds results of, each by the index of its set and its index in the set.

        Args:
            attack: the attack's name; None for the clean test.
        """
        if attack is not None and attack not in self.results.get("attacks", {}):
            return set()  # rows without a record: whoever added them was stopped before the record was written
        keys = {place_of(row) for row in self.rows if row["attack"] == attack}
        return {place for key, place in self._places().items() if key in keys}

    def _places(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        """By split, language and id: the index of the example's set and its index in the set."""
        return {
            (evaluation_set.split, evaluation_set.name, example.id): (at, index)
            for at, evaluation_set in enumerate(self.sets)
            for index, example in enumerate(evaluation_set.examples)
        }

    def add_clean(self, found: Found, *, write: bool) -> None:
        """Adds answers to clean texts, beside what others have added since the files were read.

        Args:
            found: the answers, by set and example.
            write: to both files; else only to this session.
        """
        self.rows += [prediction_row(self.sets[at], index, r.prediction) for (at, index), r in found.items()]
        if not write:
            self._count(clean=True)
            return
        with held(self.folder.path):
            self._read_again()
            self._count(clean=True)
            self._write()

    def _count(self, *, clean: bool = False) -> None:
        """Counts the figures from the rows, put in order: those of attacks and, if need be, of the clean test."""
        self._put_in_order()
        ours = {(each.split, each.name) for each in self.sets}
        others = dict.fromkeys((row["split"], row["language"]) for row in self.rows)  # another process may test more
        sets = [*self.sets, *(EvaluationSet(split, name, []) for split, name in others if (split, name) not in ours)]
        figures = clean_figures_of(self.rows, sets, self.results) if clean else self.results["figures"]
        self.results["figures"] = renewed_figures(figures, self.rows, sets, self.results)

    def _write(self) -> None:
        write_predictions(self.rows, self.folder.predictions)  # first: whatever results.json names is then there
        write_json(self.results, self.folder.results)

    def add(
        self, name: str, attack: Attack, found: Found, scope: Scope, seed: int, seconds: float, similarity: str | None
    ) -> None:
        """Adds an attack's results to both files, which are read again first: another process may have added to them.

        Args:
            name: of the attack.
            attack: its recipe.
            found: the results, by set and example.
            scope: what the attack covers with these.
            seed: of the attack.
            seconds: how long it took.
            similarity: the encoder to measure the texts' similarity with; None measures none.

        Raises:
            UserError: if the folder holds another attack of this name by now, or has been tested again.
        """
        new = self.new_rows(name, found, similarity)
        with self.changed():
            scope = self.scope(name, attack, scope, seed)
            there = self.done(name)
            self.put(name, {at: row for at, row in new.items() if at not in there}, keep=bool(there))
            record = attack_record(attack, [found[at] for at in new if at not in there], seconds)
            attacks = self.results["attacks"]
            settings = {"seed": seed, **scope.record()} | self._caveat(name, attack)
            attacks[name] = (
                extended(attacks[name], record, settings) if name in attacks else record | settings | git_state()
            )

    def new_rows(self, condition: str, found: Found, similarity: str | None) -> dict[tuple[int, int], Row]:
        """The rows of results, in order.

        Args:
            condition: the attack's name.
            found: the results, by set and example.
            similarity: the encoder to measure the texts' similarity with; None measures none.
        """
        new = {
            at: prediction_row(self.sets[at[0]], at[1], r.prediction, condition, r) for at, r in sorted(found.items())
        }
        if similarity:
            _measure_similarity(list(new.values()), [found[at] for at in new], similarity)
        return new

    def put(self, condition: str, rows: dict[tuple[int, int], Row], *, keep: bool) -> None:
        """Adds rows of a condition beside those that are there, or in their place."""
        self.rows = [*(row for row in self.rows if row["attack"] != condition or keep), *rows.values()]

    @contextmanager
    def changed(self) -> Iterator[None]:
        """Takes over what others have added; what is then added to rows and results is counted and written."""
        with held(self.folder.path):
            self._read_again()
            yield
            self._count()
            self._write()

    def _caveat(self, name: str, attack: Attack) -> dict[str, str]:
        """What makes the languages that an attack covers incomparable, as its record has it."""
        covered = {(row["split"], row["language"]) for row in self.rows if row["attack"] == name}
        languages = [each.language for each in self.sets if (each.split, each.name) in covered]
        caveat = attack.perturbation.caveat(single_languages(languages))
        return {"caveat": caveat} if caveat else {}

    def _put_in_order(self) -> None:
        """Clean rows, then attack by attack, each in the order of the test sets: as if all had been tested at once."""
        names = list(dict.fromkeys(row["attack"] for row in self.rows))
        places, last = self._places(), (len(self.sets), 0)
        self.rows.sort(
            key=lambda row: (
                names.index(row["attack"]),
                places.get(place_of(row), last),
            )
        )

    def _read_again(self) -> None:
        """Takes over what others have added, and keeps the clean rows that are this session's alone."""
        if not self.folder.results.exists():
            return
        results, rows = RunFolder(self.folder.path).finished, read_rows(self.folder)
        same = all(results.get(name) == self.results.get(name) for name in ("encoder", "labels", "checkpoint"))
        if not same or without_languages(results.get("data")) != without_languages(self.results.get("data")):
            raise UserError(f"{self.folder.path} was tested anew while it was attacked: attack it again.")
        there = {place_of(row) for row in rows if row["attack"] is None}
        ours = [row for row in self.rows if row["attack"] is None]
        rows += [row for row in ours if place_of(row) not in there]
        languages = list(dict.fromkeys([*self.results["languages"], *results["languages"]]))
        data = with_languages(self.results.get("data"), results.get("data"))
        self.results, self.rows = results | {"languages": languages, "data": data}, rows

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
    for name in ("label", "prediction"):  # of an example with several labels: comparable as a whole
        frame[name] = frame[name].map(lambda value: tuple(value) if isinstance(value, np.ndarray) else value)
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
