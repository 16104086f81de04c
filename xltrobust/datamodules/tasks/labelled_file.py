"""The test data of a classifier from elsewhere: one labelled file, one a language, or a split of a ``datasets`` set."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.example_table import Columns, examples_from_rows
from xltrobust.datamodules.files_by_language import PLACE, files_by_language
from xltrobust.datamodules.hub_rows import hub_rows
from xltrobust.datamodules.rows import NumberedRow, read_rows, require_columns
from xltrobust.datamodules.tasks.label_aliases import label_aliases
from xltrobust.errors import DataError
from xltrobust.example import Example, Language
from xltrobust.text.languages import check_codes

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
        told_by = [columns.language is not None, language is not None, PLACE in path]
        if sum(told_by) != 1:
            raise ValueError(
                f"Expected one of `language`, `columns.language` and a path with {PLACE} to tell the language of a "
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
                return [code for code in self.wanted if Path(self.path.replace(PLACE, code)).exists()]
            return list(files_by_language(self.path))
        column = self.columns.language
        for number, row in self._all_rows:
            require_columns(row, [column], f"{self.path}:{number}")
        return list(dict.fromkeys(row[column] for _, row in self._all_rows))

    def _rows(self, language: str) -> tuple[str, list[NumberedRow]]:
        if PLACE in self.path:
            path = self.path.replace(PLACE, language)
            return path, list(read_rows(Path(path), self.header))
        return self.path, self._all_rows

    @cached_property
    def _all_rows(self) -> list[NumberedRow]:
        if self.split is not None:
            return list(hub_rows(self.path, self.subset, self.split))
        return list(read_rows(Path(self.path), self.header))
