"""``xltrobust validate --run RUN --reader LANGUAGE=RUN …``: can another model still read the attacked texts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xltrobust.command import as_process, run_command, user_errors
from xltrobust.errors import OneLineParser, UserError, at_least
from xltrobust.example import Language
from xltrobust.files import write_json
from xltrobust.runs.folder import RunFolder

_DESCRIPTION = (
    "Have another model answer the texts that attacks found: does it answer as before, and as often as after random "
    "edits of the same amount? Writes validity.json into the run's folder, and the report again."
)


def main(arguments: Sequence[str]) -> None:
    """Writes ``validity.json``: how often readers answer attacked texts as they answered the clean ones.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust validate", description=_DESCRIPTION)
    parser.add_argument("--run", required=True, help="folder of a finished run that has been attacked")
    parser.add_argument(
        "--reader", action="append", required=True, metavar="[LANGUAGE=]RUN", help="folder of the run whose model "
        "reads a language's texts, best one trained on that language and with another encoder; without LANGUAGE, those "
        "of all others; may be repeated"
    )  # fmt: skip
    parser.add_argument("--attack", action="append", metavar="NAME", help="only these attacks; may be repeated")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the random edits (default: %(default)s)")
    options = parser.parse_args(list(arguments))
    with as_process(arguments), user_errors(ValueError, OSError):
        validate(RunFolder(options.run), _by_language(options.reader), options.attack, options.seed)


def _by_language(given: Sequence[str]) -> dict[str, RunFolder]:
    """The readers by language; that of all others under an empty name."""
    readers: dict[str, RunFolder] = {}
    for reader in given:
        language, _, path = reader.rpartition("=")
        if language in readers:
            raise UserError(f"--reader {reader}: there is a reader of {language or 'all languages'} already.")
        readers[language] = RunFolder(path)
    return readers


def validate(
    folder: RunFolder, readers: Mapping[str, RunFolder], attacks: Sequence[str] | None = None, seed: int = 0
) -> None:
    """Has readers answer a run's attacked texts, and writes ``validity.json`` beside ``results.json``.

    Args:
        folder: the attacked run.
        readers: runs by the language that they read, ``""`` for the languages that no other reads.
        attacks: names; None takes all whose perturbation can be made again.
        seed: of the random edits.

    Raises:
        UserError: if a run is not finished, an attack or a language is not there, or nothing can be read.
    """
    from xltrobust.evaluation.session import read_rows
    from xltrobust.evaluation.validity import Reading, agreement, perturbation_of, readings
    from xltrobust.models.stored import load_run_model
    from xltrobust.models.victim import ClassifierVictim
    from xltrobust.report.__main__ import main as report

    there: dict[str, Any] = folder.recorded("attacks")
    languages = folder.recorded("languages")
    _check(folder, readers, attacks, there, languages)
    rows = [row for row in read_rows(folder) if row["split"] == "test" and row["attack"]]
    if rows and rows[0]["text"] is None:
        raise UserError(f"{folder.predictions} holds no texts: attack the run again with this version.")
    names, skipped = list(attacks or there), []
    perturbations = {}
    for name in names:
        try:
            perturbations[name] = perturbation_of(there[name], f"{folder.results}: attack {name}")
        except UserError:
            if attacks:
                raise
            skipped.append(name)  # replayed texts, and those of classes that the record does not tell in full
    found: dict[str, list[Reading]] = {name: [] for name in perturbations}
    about = {}
    for language in languages:
        if (reader := readers.get(language, readers.get(""))) is None:
            continue
        module, tokenization = load_run_model(reader)
        victim, code = ClassifierVictim(module, tokenization), _language(language)
        accuracy = reader.recorded("figures").get(f"test/acc/{language}")
        about[language] = {
            "run": reader.path.name,
            "encoder": reader.recorded("encoder"),
            "source": reader.recorded("source"),
            **({} if accuracy is None else {"accuracy": round(accuracy, 6)}),
        }
        for name, perturbation in perturbations.items():
            own = [row for row in rows if row["attack"] == name and row["language"] == language]
            found[name] += readings(own, {language: code}, perturbation, victim, seed)
    if not any(found.values()):
        raise UserError(f"{folder.path}: there is no attacked text in a language that has a reader.")
    targets = [language for language in languages if language != folder.recorded("source")]
    result = {
        name: {
            "broken": agreement([each for each in own if each.broken], targets),
            "all": agreement(own, targets),
        }
        for name, own in found.items()
    }
    write_json({"schema": 1, "seed": seed, "readers": about, "skipped": skipped, "attacks": result}, folder.validity)
    report([str(folder.path)])


def _check(
    folder: RunFolder,
    readers: Mapping[str, RunFolder],
    attacks: Sequence[str] | None,
    there: Mapping[str, Any],
    languages: Sequence[str],
) -> None:
    if not there:
        raise UserError(f"{folder.path} has not been attacked: xltrobust attack --run {folder.path} --attack NAME.")
    for name in attacks or ():
        if name not in there:
            raise UserError(f"--attack {name}: {folder.path} has no such attack, but {', '.join(there)}.")
    for language, reader in readers.items():
        if language and language not in languages:
            raise UserError(f"--reader {language}=: {folder.path} was tested in {', '.join(languages)}.")
        if reader.path.resolve() == folder.path.resolve():
            raise UserError(f"--reader {reader.path}: the attacked model itself cannot tell what its texts still say.")
        if reader.recorded("text_pairs") != folder.recorded("text_pairs"):
            raise UserError(f"--reader {reader.path}: one of the two runs reads pairs of texts, the other single ones.")


def _language(name: str) -> Language:
    """The language of a test set, or the two of a set of pairs, by its name."""
    first, _, second = name.partition(">")
    return (first, second) if second else first


def command() -> None:
    """The shell's entry point."""
    run_command("validate", main)


if __name__ == "__main__":
    command()
