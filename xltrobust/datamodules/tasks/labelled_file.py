"""The test data of a classifier from elsewhere: one labelled file, one a language, or a split of a ``datasets`` set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from glob import escape, glob
from pathlib import Path
from typing import Any

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.example_table import Columns, examples_from_rows
from xltrobust.datamodules.rows import NumberedRow, as_text, read_rows, require_columns
from xltrobust.errors import DataError, one_line
from xltrobust.example import Example, Language
from xltrobust.text.languages import check_codes

_PLACE = "{language}"
_SPLIT = "test"


class LabelledFile(CrossLingualClassification):
    """Test data without training data, for a classifier that is fine-tuned already.

    Args:
        path: a ``.tsv``, ``.csv`` or ``.jsonl`` file; a pattern with ``{language}`` for one file a language; or, with
            ``split``, the name of a ``datasets`` set or a local directory laid out like one.
        split: the split of a ``datasets`` set; None reads files.
        subset: the configuration of a ``datasets`` set.
        columns: the names of the columns; ``columns.language`` where one column holds the languages.
        header: the columns' names if the files have no header line.
        language: the code of the language of all rows; None where a column or the file name tells it.
        languages: test only these; None takes all there are.
        labels: the classifier's classes.
        numbered: the data give labels by number, 0 for the first of ``labels``.
        source: the language that the classifier was fine-tuned in, which averages over targets leave out.
        kwargs: see :class:`CrossLingualClassification`.

    Raises:
        ValueError: if a language is no language code, or not exactly one thing tells the language of a row.
    """

    def __init__(
        self,
        *,
        path: str,
        split: str | None = None,
        subset: str | None = None,
        columns: Columns = Columns(),  # noqa: B008  frozen
        header: list[str] | None = None,
        language: str | None = None,
        languages: list[str] | None = None,
        labels: list[str],
        numbered: bool = False,
        source: str = "en",
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source, **kwargs)
        check_codes("language", [] if language is None else [language])
        check_codes("languages", languages or [])
        told_by = [columns.language is not None, language is not None, _PLACE in path]
        if sum(told_by) != 1:
            raise ValueError(
                f"Expected one of `language`, `columns.language` and a path with {_PLACE} to tell the language of a "
                f"row, but got {sum(told_by)} of them."
            )
        self.path, self.split, self.subset = path, split, subset
        self.columns, self.header = columns, header
        self.language, self.wanted = language, languages
        self._labels, self._numbered = labels, numbered

    @property
    def labels(self) -> list[str]:
        return list(self._labels)

    @cached_property
    def languages(self) -> list[str]:
        """The languages there are, in the order of the data, of those wanted.

        Raises:
            DataError: if one that is wanted is missing, or what stands for a language is no language code.
        """
        found = self._found_languages()
        for code in found:
            try:
                check_codes("languages", [code])
            except ValueError as error:
                raise DataError(f"{self.path}: {error}") from None
        if missing := [code for code in self.wanted or [] if code not in found]:
            raise DataError(f"{self.path}: there is nothing in {missing[0]!r}, but in {', '.join(found) or 'none'}.")
        return list(self.wanted or found)

    @property
    def targets(self) -> list[Language]:
        return [code for code in self.languages if code != self.source]

    def splits(self) -> dict[str, list[Language]]:
        source: list[Language] = [self.source] if self.source in self.languages else []
        return {_SPLIT: [*source, *self.targets]}

    def read(self, split: str, language: Language) -> list[Example]:
        """The examples in one language.

        Raises:
            DataError: if there are none, or the labels are not the classifier's.
        """
        assert isinstance(language, str)
        if split != _SPLIT:
            return []
        path, rows = self._rows(language)
        values = [row.get(self.columns.label, "") for _, row in rows]
        table = examples_from_rows(
            rows, path=path, language=language, columns=self.columns, labels=self._labels,
            aliases=label_aliases(values, self._labels, path, self._numbered),
        )  # fmt: skip
        if not table.examples:
            raise DataError(f"{path}: there are no rows in {language!r}.")
        return table.examples

    def _found_languages(self) -> list[str]:
        if self.language is not None:
            return [self.language]
        if self.columns.language is None:
            if self.wanted:
                return [code for code in self.wanted if Path(self.path.replace(_PLACE, code)).exists()]
            return list(files_by_language(self.path))
        column = self.columns.language
        for number, row in self._all_rows:
            require_columns(row, [column], f"{self.path}:{number}")
        return list(dict.fromkeys(row[column] for _, row in self._all_rows))

    def _rows(self, language: str) -> tuple[str, list[NumberedRow]]:
        if _PLACE in self.path:
            path = self.path.replace(_PLACE, language)
            return path, list(read_rows(Path(path), self.header))
        return self.path, self._all_rows

    @cached_property
    def _all_rows(self) -> list[NumberedRow]:
        if self.split is not None:
            return list(hub_rows(self.path, self.subset, self.split))
        return list(read_rows(Path(self.path), self.header))


def files_by_language(pattern: str) -> dict[str, Path]:
    """The files that a path with ``{language}`` stands for, by what is in its place, sorted."""
    parts = pattern.split(_PLACE)
    literal = [re.escape(part) for part in parts]
    expression = re.compile(literal[0] + r"([^/\\]+)" + r"\1".join(literal[1:]))
    paths = sorted(glob("*".join(map(escape, parts))))
    return {match[1]: Path(path) for path in paths if (match := expression.fullmatch(path))}


def label_aliases(values: Sequence[str], labels: Sequence[str], where: str, numbered: bool = False) -> dict[str, str]:
    """The classes that the labels of data stand for where they are spelled otherwise: in another case, or as numbers.

    Args:
        values: the labels of all rows.
        labels: the classifier's classes, in the order of its logits.
        where: names the data in errors.
        numbered: whether 0 stands for the first class, 1 for the second …; so it is anyway for a classifier that only
            numbers its classes (``LABEL_0`` …).

    Raises:
        DataError: naming both, if a label is none of the classes.

    >>> label_aliases(["positive", "neg"], ["NEG", "Positive"], "f.tsv")
    {'positive': 'Positive', 'neg': 'NEG'}
    """
    folded = {label.casefold(): label for label in labels}
    if len(folded) < len(labels):
        folded = {}  # the classes themselves differ in case alone
    numbered = numbered or list(labels) == [f"LABEL_{number}" for number in range(len(labels))]
    aliases = {}
    for value in dict.fromkeys(values):
        if value in labels:
            continue
        if value.isdecimal() and int(value) < len(labels):
            if not numbered:
                raise DataError(
                    f"{where}: labels are numbers ({value}), and the classifier's classes are {', '.join(labels)}: say "
                    "which class each number stands for with --labels, the class of 0 first."
                )
            aliases[value] = labels[int(value)]
        elif (name := folded.get(value.casefold())) is not None:
            aliases[value] = name
        else:
            raise DataError(
                f"{where}: label {value[:80]!r} is none of the classifier's classes ({', '.join(labels)}): spell "
                "labels as the classifier does, or choose another label column."
            )
    return aliases


def hub_rows(name: str, subset: str | None, split: str) -> Iterator[NumberedRow]:
    """The rows of a split of a ``datasets`` set, numbered; labels by name where the set names them.

    Raises:
        DataError: if it cannot be read.
    """
    from datasets import ClassLabel, load_dataset  # seconds of imports, and only hub sets need them
    from datasets.exceptions import DatasetsError

    where = f"{name}[{subset}/{split}]" if subset else f"{name}[{split}]"
    try:
        rows = load_dataset(name, subset, split=split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = one_line(error).rstrip(".")
        raise DataError(
            f"{where}: cannot be read ({reason}); check the name and --split, or that the hub can be reached."
        ) from None
    names = {column: kind for column, kind in rows.features.items() if isinstance(kind, ClassLabel)}
    for number, row in enumerate(rows, 1):
        named = {
            column: names[column].int2str(row[column])
            for column in names
            if row[column] is not None and row[column] >= 0
        }
        yield number, as_text(row | named)
