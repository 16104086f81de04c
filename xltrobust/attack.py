"""``python -m xltrobust.attack --run RUN --attack NAME …``: attack a finished run, or anybody's classifier."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xltrobust.command import as_process, run_command, user_errors
from xltrobust.errors import OneLineParser, UserError, at_least, one_line
from xltrobust.files import Sharing, check_folder, held
from xltrobust.runs.folder import RunFolder

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xltrobust.evaluation.session import AttackSession


_DESCRIPTION = "Attack the test sets; add the figures to results.json, and every text to predictions.parquet."


def main(arguments: Sequence[str]) -> None:
    """Attacks the test sets; adds the figures to results.json, and every text to predictions.parquet.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust attack", description=_DESCRIPTION)
    victim = parser.add_argument_group("what is attacked")
    either = victim.add_mutually_exclusive_group(required=True)
    either.add_argument("--run", help="folder of a finished run: its checkpoint is attacked, results are added there")
    either.add_argument("--model", help="hub name or directory of a transformers or sentence-transformers classifier")
    victim.add_argument("--config", help="with --model: a YAML file whose `data` section names the test data")
    victim.add_argument("--output", help="with --model: the folder for results; of an earlier attack, to add to it")
    attacks = parser.add_argument_group("attacks")
    attacks.add_argument(
        "--attack", action="append", required=True, metavar="NAME", help="an attack of the run's configuration, a file "
        "NAME.yaml, experiments/attacks/NAME.yaml (`xltrobust list attacks`), or NEW_NAME= one of these; may repeat"
    )  # fmt: skip
    attacks.add_argument("--replay", metavar="RUN", help="try the texts that these attacks found against another run")
    attacks.add_argument("--seed", type=at_least(0), help="of the attack (default: the run's)")
    attacks.add_argument(
        "--similarity", nargs="?", const="bundled", metavar="ENCODER", help="measure how similar the texts found are "
        "to the originals, by this encoder as it is before fine-tuning (default: %(const)s)"
    )  # fmt: skip
    examples = parser.add_argument_group("examples")
    examples.add_argument("--languages", nargs="+", metavar="CODE", help="attack only these languages")
    examples.add_argument(
        "--max_examples", type=at_least(1), metavar="N", help="at most this many of a language (default: the run's cap)"
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", default="auto", help="as Lightning names it (default: %(default)s)")
    machine.add_argument(
        "--devices", type=at_least(1), default=1, metavar="N", help="that share the examples (default: %(default)s)"
    )
    machine.add_argument("--precision", help="as Lightning names it (default: the run's)")
    options = parser.parse_args(list(arguments))
    if options.model and not (options.config and options.output):
        parser.error("--model needs --config, for the test data, and --output, for the results")
    with as_process(arguments), user_errors(ValueError, OSError):
        run(options)


def run(options: argparse.Namespace) -> None:
    """Attacks as the options say, one attack after the other; what is finished is written at once."""
    from xltrobust.evaluation.opening import open_classifier, open_run

    folder = RunFolder(options.run or options.output)
    check_folder(folder.path, "--run" if options.run else "--output")
    fabric = _fabric(options, folder.recorded("machine").get("precision") if options.run else None)
    fabric.launch()
    session = (
        open_run(folder, fabric) if options.run else open_classifier(options.model, options.config, folder, fabric)
    )
    using = Sharing(folder.path, "answers") if fabric.is_global_zero else None
    for spec in options.attack:
        attack_one(session, spec, options, fabric)
    if using is not None:
        from xltrobust.report.__main__ import main as report

        with using.last() as alone:
            if alone:  # else the attacks under way still want their answers
                shutil.rmtree(folder.answers, ignore_errors=True)
        with held(folder.path):  # whoever writes the report last has seen the results of all
            report([str(folder.path)])


def _fabric(options: argparse.Namespace, own_precision: str | None) -> Fabric:
    from lightning_fabric import Fabric

    precision: Any = options.precision or own_precision or "32-true"
    try:
        return Fabric(accelerator=options.accelerator, devices=options.devices, precision=precision)
    except Exception as error:  # of many kinds, all about what was asked for
        asked = f"--accelerator {options.accelerator} --devices {options.devices} --precision {precision}"
        raise UserError(f"{asked}: {one_line(error)}") from None


def attack_one(session: AttackSession, spec: str, options: argparse.Namespace, fabric: Fabric) -> None:
    """Attacks with one recipe, unless the folder holds its results already.

    Raises:
        UserError: if it holds results of the same name and other settings, or a language is not in the data.
    """
    from xltrobust.encoders.sentence_encoder import sentence_encoder
    from xltrobust.evaluation.attack_recipes import read_recipe, read_replay
    from xltrobust.evaluation.predictions import attack_record
    from xltrobust.evaluation.shares import attack_share, changeable, chosen_share
    from xltrobust.perturb.base import BatchedConstraint
    from xltrobust.runs.provenance import git_state

    if options.replay:
        name, recipe = read_replay(spec, RunFolder(options.replay), session.sets, session.results.get("attacks"))
    else:
        name, recipe = read_recipe(spec, session.folder)
    names = {own.name for own in session.sets}
    if unknown := sorted(set(options.languages or []) - names):
        raise UserError(f"--languages: {unknown[0]} is not among the test sets ({', '.join(sorted(names))}).")
    settings = {
        "seed": session.seed if options.seed is None else options.seed,
        "max_examples": session.max_examples if options.max_examples is None else options.max_examples,
        "languages": options.languages,
    }
    if session.holds(name, attack_record(recipe, [], 0.0) | settings):
        fabric.print(f"{session.folder.path}: holds {name} already.")
        return
    for constraint in recipe.constraints:
        if isinstance(constraint, BatchedConstraint):
            constraint.prepare()
    if options.similarity:
        sentence_encoder(options.similarity).load()
    started = time.perf_counter()
    places = changeable(name, recipe, session.sets, options.languages)
    share = chosen_share(session.sets, places, settings["max_examples"], fabric.global_rank, fabric.world_size)
    journal = session.journal(fabric.global_rank)
    found = attack_share(
        name, recipe, session.sets, share, session.victim,
        journal=journal, seed=settings["seed"], quiet=not fabric.is_global_zero,
    )  # fmt: skip
    journal.close()
    found = session.gathered(found, fabric)
    if fabric.is_global_zero:
        record = attack_record(recipe, list(found.values()), time.perf_counter() - started)
        session.add(name, found, record | settings | git_state(), options.similarity)
    fabric.barrier()


def command() -> None:
    """The shell's."""
    run_command("attack", main)


if __name__ == "__main__":
    command()
