"""Opens attack sessions: on a finished run, or on a classifier from elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from transformers import AutoConfig

from xltrobust.building import build
from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.encoders.pretrained import reading_model
from xltrobust.errors import UserError
from xltrobust.evaluation.results import tested_model
from xltrobust.evaluation.same_run import check_answers, check_checkpoint, check_data
from xltrobust.evaluation.scope import with_languages, without_languages
from xltrobust.evaluation.session import AttackSession, read_rows
from xltrobust.evaluation.shares import attack_share, check_languages, chosen_share
from xltrobust.models.from_elsewhere import load_classifier
from xltrobust.models.stored import load_run_model
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.engine.journal import victim_folder
from xltrobust.perturb.recipe import Attack
from xltrobust.perturb.searches.replay import Replay
from xltrobust.reading import read_yaml
from xltrobust.runs.folder import RunFolder
from xltrobust.runs.progress import Display
from xltrobust.runs.provenance import machine


def open_run(folder: RunFolder, fabric: Fabric) -> AttackSession:
    """A session on a finished run's tested checkpoint.

    Raises:
        UserError: if it has not finished or a file is missing.
    """
    results = folder.finished | {"seed": folder.recorded("seed")}
    data = _data(folder.option("data", dict), folder.option("model.encoder", str), str(folder.config))
    rows = read_rows(folder)
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
    return AttackSession(folder, results, rows, data.test_sets, victim, answers, limit)


def open_classifier(
    name: str,
    section: dict[str, Any],
    where: str,
    folder: RunFolder,
    fabric: Fabric,
    languages: Sequence[str] | None = None,
) -> AttackSession:
    """A session on a classifier from the hub or a directory; it is tested on clean texts first, unless that was done.

    Args:
        name: see :func:`~xltrobust.models.from_elsewhere.load_classifier`.
        section: the test data: class path and arguments, as the section ``data`` of a configuration has them.
        where: where the section comes from, for errors.
        folder: of the results.
        fabric: of this process.
        languages: names of the sets that will be attacked, so that a wrong one is told before the clean test.

    Raises:
        UserError: if the folder holds results of another classifier or on other data, or the classifier's classes are
            not the data's.
    """
    results = folder.finished if folder.results.exists() else None
    _ = _cut_as_trained(section, name, where)  # a wrong length is told first
    if results is not None:
        if results["encoder"] != name:
            raise UserError(f"{folder.path} holds results of {results['encoder']}: choose another --output.")
        if without_languages(results["data"]) != without_languages(section):
            raise UserError(f"{folder.path} holds results on other data than {where} names: choose another --output.")
        section = with_languages(section, results["data"])
    data = _data(_cut_as_trained(section, name, where), name, where)
    check_languages(languages, data.test_sets)
    module = load_classifier(name, data.labels).to(fabric.device)
    victim = ClassifierVictim(module, data.tokenization, data.eval_batch_tokens, fabric.autocast)
    weights = Path(name)
    settings = data.max_length, _precision(fabric), "" if weights.exists() else name
    answers = victim_folder(folder.answers, weights, *settings)
    rows = []
    if results is not None:
        rows = read_rows(folder)
        check_data(rows, data.test_sets, data.labels, folder, all_tested=section == results["data"])
    about = _first_results(name, data, fabric, folder) | {"data": section}
    if results is not None:
        about = results | {"data": section, "languages": about["languages"]}
    session = AttackSession(folder, about, rows, data.test_sets, victim, answers)
    tested, everything = session.done(None), chosen_share(data.test_sets, range(len(data.test_sets)), None)
    missing = [at for at in everything if at not in tested]
    if missing or (results is not None and section != results["data"]):
        _test(session, missing, fabric)
    return session


def _test(session: AttackSession, missing: list[tuple[int, int]], fabric: Fabric) -> None:
    """Classifies clean texts that have not been, and adds what the classifier says of them to the folder."""
    asked = Replay({})  # nothing is changed: the clean texts
    journal = session.journal(fabric.global_rank)
    found = attack_share(
        "test", Attack(perturbation=asked, search=asked), session.sets,
        missing[fabric.global_rank :: fabric.world_size], session.victim,
        journal=journal, display=Display(shown=fabric.is_global_zero),
    )  # fmt: skip
    journal.close()
    found = AttackSession.gathered(found, fabric)
    session.add_clean(found, write=fabric.is_global_zero)
    fabric.barrier()


def _first_results(name: str, data: CrossLingualClassification, fabric: Fabric, folder: RunFolder) -> dict[str, Any]:
    command = ["python -m xltrobust.attack", *sys.argv[1:]]
    where = machine(fabric.world_size, type(fabric.accelerator).__name__, _precision(fabric))
    return tested_model(folder, data, command=command, encoder=name, seed=0, machine=where) | {"attacks": {}}


def data_section(config: str) -> dict[str, Any]:
    """The section ``data`` of a configuration.

    Raises:
        UserError: if it has none.
    """
    section = read_yaml(Path(config)).get("data")
    if not isinstance(section, dict) or not isinstance(section.get("init_args") or {}, dict):
        raise UserError(f"{config}: expected a section `data` that names the test data, as experiments/*.yaml have it.")
    return section


def _cut_as_trained(section: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """The data section with the maximum length that an exported classifier was trained with.

    Raises:
        UserError: if the configuration names another length: answers to long texts would differ from the run's.
    """
    with reading_model(name, "a classifier"):
        trained_with = getattr(AutoConfig.from_pretrained(name, trust_remote_code=False), "xltrobust_max_length", None)
    arguments = section.get("init_args") or {}
    given = arguments.get("max_length")
    if trained_with is not None and given not in (None, trained_with):
        raise UserError(
            f"{where}: data.init_args.max_length is {given}, but {name} was trained on texts of at most "
            f"{trained_with} tokens: leave max_length out."
        )
    return section if trained_with is None else section | {"init_args": arguments | {"max_length": trained_with}}


def _data(section: dict[str, Any], tokenizer: str, where: str) -> CrossLingualClassification:
    """The data of a configuration, with the classifier's tokenizer."""
    section = section | {"init_args": (section.get("init_args") or {}) | {"tokenizer": tokenizer}}
    return build("data", CrossLingualClassification, section, f"{where}: data")


def _precision(fabric: Fabric) -> str:
    return str(fabric.strategy.precision.precision)
