"""``xltrobust augment --perturbation typo --language de FILE``: perturbed copies of a text file, or of a column."""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from xltrobust.command import run_command, user_errors
from xltrobust.data_options import FIRST_ROWS
from xltrobust.errors import OneLineParser, UserError, at_least
from xltrobust.example import Example
from xltrobust.files import atomic_write
from xltrobust.reading import text_lines
from xltrobust.seeding import derived_seed
from xltrobust.text.languages import check_codes, names_column

if TYPE_CHECKING:
    from xltrobust.perturb.random_view import RandomView

_TABLES = (".tsv", ".csv", ".jsonl")
_DESCRIPTION = "Write perturbed copies of a text file, line by line, or of a column of a table."

View = Callable[[str, str, int], Iterator[str]]  # of a text, its language and its number


def main(arguments: Sequence[str]) -> None:
    """Writes perturbed copies of a text file, line by line, or of a table whose other columns stay as they are.

    A copy depends on the seed, the language, the number of its line and of the copy alone.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust augment", description=_DESCRIPTION)
    what = parser.add_argument_group("what is perturbed")
    what.add_argument("file", help="UTF-8 text, one text a line (- reads stdin); or a .tsv, .csv or .jsonl file")
    what.add_argument("--column", help="of the texts in a table")
    what.add_argument(
        "--language", required=True, metavar="CODE|COLUMN", help="of all texts, or a column of codes (a name that is "
        "both is a code, unless that column holds codes)"
    )  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument(
        "--perturbation", required=True, metavar="NAME", help="of `xltrobust list perturbations`, in short (typo) or "
        "in full, or the path of a class of your own"
    )  # fmt: skip
    how.add_argument("--options", default="{}", metavar="JSON", help="arguments of its constructor")
    how.add_argument("--rate", type=float, default=0.15, help="edits per word (default: %(default)s)")
    how.add_argument("--copies", type=at_least(1), default=1, help="of each text (default: %(default)s)")
    how.add_argument("--seed", type=at_least(0), default=0, help="(default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", help="where to (default: standard output)")
    given = parser.parse_args(list(arguments))
    path = Path(given.file)
    if (path.suffix in _TABLES) != (given.column is not None):
        parser.error(f"{path}: --column goes with .tsv, .csv and .jsonl files, and they need it")
    with user_errors(ValueError, OSError):
        view = _copies(_view(given.perturbation, given.options, given.rate), given.copies, given.seed)
        with _opened(given.output) as out:
            if given.column is None:
                _write_lines(given.file, given.language, view, out)
            else:
                _write_table(path, given.column, given.language, view, out)


def _view(name: str, options: str, rate: float) -> RandomView:
    from xltrobust.building import build
    from xltrobust.perturb.base import Perturbation
    from xltrobust.perturb.random_view import RandomView

    try:
        init_args = json.loads(options)
    except ValueError as error:
        raise UserError(f"--options: not JSON ({error}).") from None
    section = {"class_path": _in_full(name), "init_args": init_args}
    return RandomView(perturbation=build("perturbation", Perturbation, section, f"--perturbation {name}"), rate=rate)


def _in_full(name: str) -> str:
    """A class's name: itself, or in short: in any case, with or without ``_``, ``Perturbation`` left out."""
    from xltrobust.catalogue import classes

    known = [full for full, _ in classes("perturbations")]
    asked = name.replace("_", "").casefold()
    found = [full for full in known if asked in (full.casefold(), full.removesuffix("Perturbation").casefold())]
    if not found and "." not in name:
        raise UserError(f"--perturbation {name}: not one of {', '.join(known)}.")
    return found[0] if found else name


def _copies(view: RandomView, copies: int, seed: int) -> View:
    def made(text: str, language: str, number: int) -> Iterator[str]:
        example = Example(str(number), language, text, -1)
        for copy in range(copies):
            yield view(example, random.Random(derived_seed("augment", seed, language, number, copy))).text

    def checked(text: str, language: str, number: int) -> Iterator[str]:
        if language not in known:
            check_codes("--language", [language])
            view.perturbation.require(language)
            known.add(language)
        return made(text, language, number)

    known: set[str] = set()
    return checked


def _write_lines(file: str, language: str, view: View, out: TextIO) -> None:
    for number, line in enumerate(text_lines(file), 1):
        for copy in view(line, language, number):
            out.write(copy + "\n")


def _write_table(path: Path, column: str, language: str, view: View, out: TextIO) -> None:
    from xltrobust.datamodules.rows import as_text, read_objects, read_rows, require_columns

    # Of an object, all but the text keeps its type.
    records: Iterator[tuple[int, dict[str, Any]]] = read_objects(path) if path.suffix == ".jsonl" else read_rows(path)
    first = list(islice(records, FIRST_ROWS))
    by_row = names_column(language, [as_text(record) for _, record in first])
    writer: Any = None
    for number, record in chain(first, records):
        row = as_text(record)
        require_columns(row, [column, language] if by_row else [column], f"{path}:{number}")
        for copy in view(row[column], row[language] if by_row else language, number):
            changed = record | {column: copy} if isinstance(record[column], str) else record
            if path.suffix == ".jsonl":
                out.write(json.dumps(changed, ensure_ascii=False) + "\n")
            elif path.suffix == ".csv":
                if writer is None:
                    writer = csv.DictWriter(out, list(row), lineterminator="\n")
                    writer.writeheader()
                writer.writerow(changed)
            else:
                if writer is None:
                    writer = out.write("\t".join(row) + "\n")
                out.write("\t".join(changed.values()) + "\n")


@contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that is written whole or not at all."""
    if output is None:
        yield sys.stdout
        return
    with atomic_write(Path(output)) as temporary, temporary.open("w", encoding="utf8", newline="") as file:
        yield file


def command() -> None:
    """The shell's entry point."""
    run_command("augment", main)


if __name__ == "__main__":
    command()
