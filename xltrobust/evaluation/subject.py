"""What the attack command attacks: a finished run, or a classifier from elsewhere, with its data and its results."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser
from lightning_fabric import Fabric
from transformers import AutoConfig

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.encoders.pretrained import reading_model
from xltrobust.encoders.sentence_encoder import sentence_encoder
from xltrobust.errors import UserError
from xltrobust.evaluation.from_rows import clean_figures_of, renewed_figures
from xltrobust.evaluation.predictions import EMPTY_ROW, Row, prediction_row, write_predictions
from xltrobust.evaluation.results import tested_model
from xltrobust.evaluation.same_run import check_answers, check_checkpoint, check_data
from xltrobust.evaluation.shares import attack_share, chosen_share
from xltrobust.example import EvaluationSet
from xltrobust.files import held, write_json
from xltrobust.models.pretrained_classifier import PretrainedClassifier
from xltrobust.models.stored import load_run_model
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.base import AttackResult, Victim
from xltrobust.perturb.engine.journal import Journal, victim_folder
from xltrobust.perturb.recipe import Attack, first_difference
from xltrobust.perturb.searches.replay import Replay
from xltrobust.reading import read_parquet, read_yaml
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.provenance import machine

Found = dict[tuple[int, int], AttackResult]
_COLUMNS = ("id", "split", "language", "label", "prediction", "attack", "text", "text_pair", "adversarial_text")


@dataclass
class Subject:
    """A victim with its test sets, and the folder that has its results so far.

    Args:
        folder: of the results.
        results: ``results.json``.
        rows: of ``predictions.parquet``.
        sets: the test sets.
        victim: the classifier.
        answers: the folder for its answers to attacks that have not finished.
        max_examples: the cap on the examples of a language, unless the user says otherwise.
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
        """The answers so far, and a file for more."""
        return Journal(self.answers, f"{rank}-{secrets.token_hex(4)}")  # another attack may be under way

    def holds(self, name: str, record: dict[str, Any]) -> bool:
        """Whether the folder has this attack's results.

        Raises:
            UserError: if it has some of an attack of the same name and other settings.
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
        """Adds an attack to both files, beside what others have added since they were read.

        First the texts, so that what ``results.json`` names is there.

        Raises:
            UserError: if the folder has another attack of the name by now, or is of another classifier.
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
        self.results, self.rows = results, _rows(self.folder)

    @staticmethod
    def gathered(found: Found, fabric: Fabric) -> Found:
        """The results of all devices."""
        if fabric.world_size == 1:
            return found
        shares: list[Found] = [{} for _ in range(fabric.world_size)]
        torch.distributed.all_gather_object(shares, found)
        return {place: result for share in shares for place, result in share.items()}


def open_run(folder: RunFolder, fabric: Fabric) -> Subject:
    """A finished run's best model.

    Raises:
        UserError: if it has not finished or a file is missing.
    """
    results = folder.finished | {"seed": folder.recorded("seed")}
    data = _data(folder.option("data", dict), folder.option("model.encoder", str), str(folder.config))
    rows = _rows(folder)
    limit_batches = (folder.options.get("trainer") or {}).get("limit_test_batches")
    all_tested = limit_batches is None or str(limit_batches) == "1.0"
    check_data(rows, data.test_sets, data.labels, folder, all_tested=all_tested)
    known = check_checkpoint(folder)
    module, tokenization = load_run_model(folder)
    module = module.to(fabric.device)
    victim = ClassifierVictim(module, tokenization, data.eval_batch_tokens, fabric.autocast)
    answers = victim_folder(folder.answers, folder.checkpoint, data.max_length, _precision(fabric))
    limit = (folder.options.get("adversarial") or {}).get("max_examples")
    if not known:
        check_answers(rows, data.test_sets, victim, folder)
    return Subject(folder, results, rows, data.test_sets, victim, answers, limit)


def open_classifier(name: str, config: str, folder: RunFolder, fabric: Fabric) -> Subject:
    """A classifier from the hub or a directory; its clean predictions are made first, unless the folder has them.

    Args:
        name: see :class:`~xltrobust.models.pretrained_classifier.PretrainedClassifier`.
        config: a YAML file with a section ``data``, as the runs' configurations have it.
        folder: of the results.
        fabric: of this process.

    Raises:
        UserError: if the folder holds results of another classifier or on other data, or the classifier's classes are
            not the data's.
    """
    section = _data_section(config)
    data = _data(_cut_as_trained(section, name, config), name, config)
    module = PretrainedClassifier(name, data.labels).to(fabric.device)
    victim = ClassifierVictim(module, data.tokenization, data.eval_batch_tokens, fabric.autocast)
    weights = Path(name)
    settings = data.max_length, _precision(fabric), "" if weights.exists() else name
    answers = victim_folder(folder.answers, weights, *settings)
    if folder.results.exists():
        results = folder.finished
        if results["encoder"] != name:
            raise UserError(f"{folder.path} holds results of {results['encoder']}: choose another --output.")
        if results["data"] != section:
            raise UserError(f"{folder.path} holds results on other data than {config} names: choose another --output.")
        rows = _rows(folder)
        check_data(rows, data.test_sets, data.labels, folder)
        return Subject(folder, results, rows, data.test_sets, victim, answers)
    subject = Subject(
        folder, _first_results(name, data, fabric, folder) | {"data": section}, [], data.test_sets, victim, answers
    )
    asked = Replay({})  # nothing is changed: the clean texts
    share = chosen_share(subject.sets, range(len(subject.sets)), None, fabric.global_rank, fabric.world_size)
    journal = subject.journal(fabric.global_rank)
    nothing = Attack(perturbation=asked, search=asked)
    found = attack_share(
        "nothing", nothing, subject.sets, share, victim, journal=journal, quiet=not fabric.is_global_zero
    )
    journal.close()
    found = Subject.gathered(found, fabric)
    subject.rows = [prediction_row(subject.sets[at], i, r.prediction) for (at, i), r in sorted(found.items())]
    subject.results["figures"] = clean_figures_of(subject.rows, subject.sets, subject.results)
    return subject


def _first_results(name: str, data: CrossLingualClassification, fabric: Fabric, folder: RunFolder) -> dict[str, Any]:
    command = ["python -m xltrobust.attack", *sys.argv[1:]]
    where = machine(fabric.world_size, type(fabric.accelerator).__name__, _precision(fabric))
    return tested_model(folder, data, command=command, encoder=name, seed=0, machine=where) | {"attacks": {}}


def _data_section(config: str) -> dict[str, Any]:
    """What a configuration says of the data."""
    section = read_yaml(Path(config)).get("data")
    if not isinstance(section, dict) or not isinstance(section.get("init_args") or {}, dict):
        raise UserError(f"{config}: expected a section `data` that names the test data, as experiments/*.yaml have it.")
    return section


def _cut_as_trained(section: dict[str, Any], name: str, config: str) -> dict[str, Any]:
    """The data with the maximum length of the run that a classifier was exported from.

    Raises:
        UserError: if the configuration names another: the answers to long texts would not be the run's.
    """
    with reading_model(name, "a classifier"):
        own = getattr(AutoConfig.from_pretrained(name, trust_remote_code=False), "xltrobust_max_length", None)
    arguments = section.get("init_args") or {}
    given = arguments.get("max_length")
    if own is not None and given not in (None, own):
        raise UserError(
            f"{config}: data.init_args.max_length is {given}, but {name} was trained on texts of at most {own} tokens: "
            "leave max_length out."
        )
    return section if own is None else section | {"init_args": arguments | {"max_length": own}}


def _data(section: dict[str, Any], tokenizer: str, where: str) -> CrossLingualClassification:
    """The data of a configuration, with the classifier's tokenizer."""
    section = section | {"init_args": (section.get("init_args") or {}) | {"tokenizer": tokenizer}}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(CrossLingualClassification, "data")
    try:
        return parser.instantiate_classes(parser.parse_object({"data": section})).data
    except (ArgumentError, TypeError) as error:
        raise UserError(f"{where}: data: {' '.join(str(error).split())}") from None


def _rows(folder: RunFolder) -> list[Row]:
    frame = read_parquet(folder.predictions, _COLUMNS, others=True).to_pandas().astype(object)
    # Rows of an older version lack columns that new ones have.
    rows: list[Row] = frame.where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return [row | {name: None for name in EMPTY_ROW if name not in row} for row in rows]


def _precision(fabric: Fabric) -> str:
    return str(fabric.strategy.precision.precision)


def _measure_similarity(rows: list[Row], results: list[AttackResult], encoder: str) -> None:
    pairs = [(at, (own.example, own.adversarial)) for at, own in enumerate(results) if own.adversarial is not None]
    values = sentence_encoder(encoder).similarities([pair for _, pair in pairs])
    for (at, _), value in zip(pairs, values.tolist(), strict=True):
        rows[at]["similarity"] = value
