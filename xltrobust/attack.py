"""``python -m xltrobust.attack --run RUN --attack NAME …``: attack a finished run, or anybody's classifier."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltrobust.command import as_process, run_command, user_errors
from xltrobust.data_options import add_data_options, default_output, given_data_options, section_of
from xltrobust.errors import OneLineParser, UserError, at_least, one_line
from xltrobust.files import Sharing, check_folder, held
from xltrobust.runs.folder import RunFolder
from xltrobust.silence import VERBOSE, VERBOSE_HELP, silence

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xltrobust.evaluation.session import AttackSession


_FEW = 200  # examples of a language that are attacked of a file, unless more are asked for
_DESCRIPTION = "Attack the test sets; add the figures to results.json, and every text to predictions.parquet."


def main(arguments: Sequence[str]) -> None:
    """Attacks the test sets; adds the figures to results.json, and every text to predictions.parquet.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    options = _parse(arguments)
    with as_process(arguments), silence(options.verbose), user_errors(ValueError, OSError):
        run(options)


def output_of(arguments: Sequence[str]) -> Path:
    """The folder that the command with these options adds its results to."""
    return _folder(_parse(arguments)).path


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(list(arguments))
    if options.model and not (options.config or options.data):
        parser.error("--model needs test data: --data FILE (or a datasets name with --split), or --config")
    about_data = given_data_options(options)
    if options.run and (ignored := [*about_data, *(["--output"] if options.output else [])]):
        parser.error(f"{ignored[0]} goes with --model; a run has its own test data and folder")
    if options.config and not options.output:
        parser.error("--config needs --output, the folder for results")
    if options.config and options.data:
        parser.error("--data and --config both name the test data: leave one out")
    if options.config and (ignored := [name for name in about_data if name != "--config"]):
        parser.error(f"{ignored[0]} goes with --data, not with --config: the file says what the test data are")
    if not options.attack and not options.suite:
        parser.error("name what to attack with: --attack NAME or --suite NAME")
    if options.suite_mode and not options.suite:
        parser.error("--suite_mode goes with --suite")
    if options.suite and options.replay:
        parser.error("--replay goes with --attack, not with --suite")
    if options.language and "{language}" in (options.data or ""):
        parser.error("--language and {language} in --data both tell the language: leave one out")
    return options


def _folder(options: argparse.Namespace) -> RunFolder:
    return RunFolder(options.run or options.output or default_output(options))


def _parser() -> OneLineParser:
    parser = OneLineParser(prog="xltrobust attack", description=_DESCRIPTION)
    victim = parser.add_argument_group("what is attacked")
    what = victim.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", help="folder of a finished run: its checkpoint is attacked, results are added there")
    what.add_argument("--model", help="hub name or directory of a transformers or sentence-transformers classifier")
    victim.add_argument(
        "--output", help="with --model: the folder for results, or of an earlier attack, to add to it (default: named "
        "after the model and the data, below runs/)"
    )  # fmt: skip
    add_data_options(parser.add_argument_group("test data of --model"))
    attacks = parser.add_argument_group("attacks")
    attacks.add_argument(
        "--attack", action="append", default=[], metavar="NAME", help="an attack of the run's configuration, a file "
        "NAME.yaml, one of `xltrobust list attacks`, or NEW_NAME= one of these; may be repeated"
    )  # fmt: skip
    attacks.add_argument(
        "--suite", metavar="NAME", help="all attacks of a suite (`xltrobust list suites`): standard-1; or NAME@N, the "
        "same attacks with at most N passes an example, which is another measure"
    )  # fmt: skip
    attacks.add_argument(
        "--suite_mode", choices=["full", "robust"], help="full: every attack of the suite on every example; robust: "
        "one after the other until one breaks the example, for the accuracy under all of them alone (default: full)"
    )  # fmt: skip
    attacks.add_argument("--replay", metavar="RUN", help="try the texts that these attacks found against another run")
    attacks.add_argument(
        "--max_examples", type=at_least(1), help="cap on the attacked examples of each language, the same for all that "
        f"this attack has been tried on: a higher one extends those too (default: the run's; with --data {_FEW})"
    )  # fmt: skip
    attacks.add_argument(
        "--languages", nargs="+", help="attack only these, beside those that the attack "
        "was tried on before (with --data: test only these)"
    )  # fmt: skip
    attacks.add_argument("--seed", type=at_least(0), help="of the attack (default: the run's)")
    attacks.add_argument(
        "--similarity", nargs="?", const="bundled", metavar="ENCODER", help="measure how similar the texts found are "
        "to the originals, by this encoder as it is before fine-tuning (default: %(const)s)"
    )  # fmt: skip
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", default="auto", help="as Lightning names it (default: %(default)s)")
    machine.add_argument("--devices", type=at_least(1), default=1, help="to share the examples (default: %(default)s)")
    machine.add_argument("--precision", help="as Lightning names it (default: the run's)")
    machine.add_argument(*VERBOSE, action="store_true", help=VERBOSE_HELP)
    return parser


def run(options: argparse.Namespace) -> None:
    """Attacks as the options say, one attack after the other; what is finished is written at once."""
    from xltrobust.evaluation.attack_recipes import read_recipe, read_replay
    from xltrobust.evaluation.attacking import run_attack
    from xltrobust.evaluation.attacking_suites import run_suite
    from xltrobust.perturb.suite import load_suite

    folder = _folder(options)
    check_folder(folder.path, "--run" if options.run else "--output")
    fabric = _fabric(options, folder.recorded("machine").get("precision") if options.run else None)
    fabric.launch()
    # What is wrong with any of the attacks is said before the first is tried.
    suite = load_suite(options.suite) if options.suite else None
    named = {} if options.replay else {spec: read_recipe(spec, folder) for spec in options.attack}
    session = _open(options, folder, fabric)
    using = Sharing(folder.path, "answers") if fabric.is_global_zero else None
    how = {name: getattr(options, name) for name in ("languages", "max_examples", "seed", "similarity")}
    for spec in options.attack:
        if options.replay:
            held_already = session.results.get("attacks")
            name, recipe = read_replay(spec, RunFolder(options.replay), session.sets, held_already)
        else:
            name, recipe = named[spec]
        if not run_attack(session, name, recipe, fabric, **how):
            fabric.print(f"{session.folder.path}: holds {name} already.")
    if suite is not None:
        run_suite(session, suite, options.suite_mode or "full", fabric, **how)
    if using is not None:
        from xltrobust.evaluation.session import read_rows
        from xltrobust.evaluation.tracking import log_results
        from xltrobust.report.__main__ import main as report
        from xltrobust.runs.loggers import logger_of

        with using.last() as alone:
            if alone:  # else the attacks under way still want their answers
                shutil.rmtree(folder.answers, ignore_errors=True)
        with held(folder.path):  # whoever writes the report last has seen the results of all
            report([str(folder.path)])
        if options.run and (logger := logger_of(folder.path, folder.options)) is not None:
            log_results(logger, folder, read_rows(folder))


def _open(options: argparse.Namespace, folder: RunFolder, fabric: Fabric) -> AttackSession:
    from xltrobust.evaluation.opening import data_section, open_classifier, open_run
    from xltrobust.models.from_elsewhere import classes_of

    if options.run:
        return open_run(folder, fabric)
    if options.config:
        section = data_section(options.config)
        return open_classifier(options.model, section, options.config, folder, fabric, options.languages)
    section = section_of(options, classes_of(options.model))
    session = open_classifier(options.model, section, "--data", folder, fabric)
    if session.max_examples is None:
        session.max_examples = _FEW
    return session


def _fabric(options: argparse.Namespace, own_precision: str | None) -> Fabric:
    from lightning_fabric import Fabric

    precision: Any = options.precision or own_precision or "32-true"
    try:
        return Fabric(accelerator=options.accelerator, devices=options.devices, precision=precision)
    except Exception as error:  # of many kinds, all about what was asked for
        asked = f"--accelerator {options.accelerator} --devices {options.devices} --precision {precision}"
        raise UserError(f"{asked}: {one_line(error)}") from None


def command() -> None:
    """The shell's entry point."""
    run_command("attack", main)


if __name__ == "__main__":
    command()
