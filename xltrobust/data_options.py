"""The options of ``attack --model``: the labelled file or ``datasets`` set (``--data``) that a classifier is tested on.

Which it is (``--data``, ``--split``, ``--subset``), what its columns are (``--text``, ``--label``, ``--language`` …),
and how it is read (``--header``, ``--labels``, ``--source``, ``--max_length``); or ``--config``, a file with all of it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltrobust.errors import DataError, UserError, at_least
from xltrobust.text.languages import names_column

if TYPE_CHECKING:
    from xltrobust.datamodules.rows import Row

FIRST_ROWS = 100  # from which it is told whether a column holds language codes


def add_data_options(group: Any) -> None:
    """Adds ``--data``, ``--config`` and the options about columns, labels and languages of the test data.

    Args:
        group: an argparse parser, or a group of one.
    """
    group.add_argument(
        "--data", metavar="FILE", help="a .tsv, .csv or .jsonl file with labels; FILE may hold {language}, for one "
        "file a language; with --split, the name of a datasets set or a directory laid out like one"
    )  # fmt: skip
    group.add_argument("--split", help="of the datasets set that --data names")
    group.add_argument("--subset", help="configuration of that set")
    group.add_argument("--text", default="text", metavar="COLUMN", help="of the text (default: %(default)s)")
    group.add_argument("--text_pair", "--text-pair", metavar="COLUMN", help="of the second text of a pair task")
    group.add_argument("--label", default="label", metavar="COLUMN", help="of the label (default: %(default)s)")
    group.add_argument("--id", metavar="COLUMN", help="of an id, equal across languages for translations of one item")
    group.add_argument("--group", metavar="COLUMN", help="of what rows that are not independent share: a document, say")
    group.add_argument(
        "--language", metavar="CODE|COLUMN", help="the language of all rows, or the column that holds it (a "
        "name that is both is a code, unless that column holds codes; default: the column `language`, unless FILE "
        "holds {language})"
    )  # fmt: skip
    group.add_argument("--header", nargs="+", metavar="COLUMN", help="columns of files that have no header line")
    group.add_argument(
        "--labels", nargs="+", metavar="NAME", help="the classifier's classes in the order in which the data number "
        "them, 0 first; for data with numbers as labels"
    )  # fmt: skip
    group.add_argument(
        "--source", default="en", metavar="CODE", help="the language that the classifier was fine-tuned in: averages "
        "over targets leave it out (default: %(default)s)"
    )  # fmt: skip
    group.add_argument(
        "--max_test_examples", type=at_least(1), metavar="N", help="test at most so many of a language, the same items "
        "in all where ids are shared (default: all)"
    )  # fmt: skip
    group.add_argument(
        "--max_length",
        type=at_least(4),
        help="tokens of a text (default: an exported model's own, else 128)",
    )
    group.add_argument("--config", help="in place of --data: a YAML file whose `data` section names the test data")


def given_data_options(options: argparse.Namespace) -> list[str]:
    """Those of the options above that are not at their defaults, as the shell writes them."""
    parser = argparse.ArgumentParser()
    add_data_options(parser)
    defaults = vars(parser.parse_args([]))
    return [f"--{name}" for name, default in defaults.items() if getattr(options, name) != default]


def section_of(options: argparse.Namespace, classes: Sequence[str]) -> dict[str, Any]:
    """The data that the options name, as the section ``data`` of a configuration.

    Args:
        options: with the options above, and ``languages``.
        classes: the classifier's.

    Raises:
        UserError: if the file is missing, or has no such columns.
    """
    from xltrobust.datamodules.example_table import Columns

    rows = _first_rows(options)
    columns = list(rows[0])
    language = None if "{language}" in options.data else options.language or "language"
    is_column = language is not None and (options.language is None or names_column(language, rows))
    column = language if is_column else None
    named = Columns(
        text=options.text, label=options.label, text_pair=options.text_pair, id=options.id, group=options.group,
        language=column,
    )  # fmt: skip
    if missing := [name for name in named.named() if name not in columns]:
        advice = "give --language CODE or COLUMN" if missing[0] == column else "check --text, --text_pair and --label"
        raise DataError(f"{options.data}: there is no column {missing[0]!r}, but {', '.join(columns)}: {advice}.")
    arguments = {
        "path": options.data,
        "split": options.split,
        "subset": options.subset,
        "columns": asdict(named),
        "header": options.header,
        "language": None if column else language,
        "languages": options.languages,
        "labels": list(options.labels or classes),
        "numbered": options.labels is not None,
        "source": options.source,
        "max_length": options.max_length,
        "max_test_examples": options.max_test_examples,
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    return {"class_path": "xltrobust.datamodules.LabelledFile", "init_args": given}


def _first_rows(options: argparse.Namespace) -> list[Row]:
    """The first rows of the data.

    Raises:
        UserError: if there are none, or no such file.
    """
    from xltrobust.datamodules.files_by_language import files_by_language
    from xltrobust.datamodules.hub_rows import hub_rows
    from xltrobust.datamodules.rows import read_rows

    if options.split is not None:
        rows = hub_rows(options.data, options.subset, options.split)
    elif "{language}" in options.data:
        if not (files := files_by_language(options.data)):
            raise DataError(f"{options.data}: no such files; check the path, in which {{language}} stands for a code.")
        rows = read_rows(next(iter(files.values())), options.header)
    else:
        if not Path(options.data).suffix and not Path(options.data).is_file():
            raise UserError(f"--data {options.data}: not a file; for a datasets set, name its split with --split.")
        rows = read_rows(Path(options.data), options.header)
    if not (first := [row for _, row in islice(rows, FIRST_ROWS)]):
        raise DataError(f"{options.data}: it has no rows.")
    return first


def default_output(options: argparse.Namespace) -> str:
    """A folder for results that is named after the model and the data."""
    names = [Path(options.model).name, Path(options.data).stem.replace("{language}", ""), options.split or ""]
    return str(Path("runs") / "-on-".join(re.sub(r"[^\w.]+", "-", name).strip("-") for name in names if name))
