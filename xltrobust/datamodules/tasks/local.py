"""Classification data in local files: TSV, CSV or JSON Lines, in any languages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from glob import escape, glob
from pathlib import Path
from typing import Any

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.example_table import Columns, ExampleTable, examples_from_rows
from xltrobust.datamodules.rows import read_rows, require_columns
from xltrobust.errors import DataError
from xltrobust.example import Example, Language
from xltrobust.text.languages import check_codes

_ADVICE = "Where files, folders or the language column name languages otherwise, write languages: {{{code}: {name}}}."


class LocalClassification(CrossLingualClassification):
    """Classification of texts in local files: one file per language, or one file with a language column.

    Args:
        data_dir: the directory that the following paths are relative to. ``{language}`` in a path stands for each
            language.
        train: the training file; only the source language needs one.
        dev: the dev file; one without ``{language}`` and language column is the source's. Target languages need none,
            and theirs is read for ``validate_targets`` only.
        test: the test file.
        source: the code of the training language.
        languages: the codes of the target languages, as paths or the language column have them; or a mapping of codes
            to what stands for them there, ``{jv: javanese, bbc: toba_batak}``, in which the source may be too.
        labels: the names of the classes in order; None takes those in the training file, sorted.
        columns: the names of the columns.
        header: the names of all columns, if the files have no header line.
        kwargs: see :class:`CrossLingualClassification`.
    """

    def __init__(
        self,
        *,
        data_dir: str,
        train: str = "{language}/train.tsv",
        dev: str = "{language}/dev.tsv",
        test: str = "{language}/test.tsv",
        source: str,
        languages: list[str] | dict[str, str],
        labels: list[str] | None = None,
        columns: Columns = Columns(),  # noqa: B008  frozen
        header: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        check_codes("source", [source], _ADVICE)
        check_codes("languages", languages, _ADVICE)
        super().__init__(source=source, **kwargs)
        if labels is not None and (len(set(labels)) < len(labels) or not all(map(str.strip, labels))):
            raise ValueError(f"Expected argument `labels` to name different classes, but got {labels}.")
        self.data_dir = data_dir
        self.paths = {"train": train, "dev": dev, "test": test}
        self.languages = [language for language in dict.fromkeys(languages) if language != source]
        self._names = dict(languages) if isinstance(languages, Mapping) else {}
        if empty := [code for code, name in self._names.items() if not name.strip()]:
            raise ValueError(
                f"Expected argument `languages` to give {empty[0]!r} a name, as paths or the language column have it."
            )
        self._labels = labels
        self.columns = columns
        self.header = header
        if not self._tells_languages("test"):
            raise ValueError(
                "Expected argument `test` to contain {language}, or `columns.language` to be set, "
                f"but got {test!r}: nothing says which rows are in which language."
            )

    @cached_property
    def labels(self) -> list[str]:
        if self._labels is not None:
            return self._labels
        path = self._existing("train", self.source)
        found = set()
        for number, row in read_rows(path, self.header):
            require_columns(row, [self.columns.label], f"{path}:{number}")
            if not row[self.columns.label]:
                raise DataError(f"{path}:{number}: the label is empty; give the row one, or remove the row.")
            found.add(row[self.columns.label])
        if not found:
            raise DataError(
                f"{path}: no rows for language {self._name(self.source)!r}; check its spelling in the configuration."
            )
        if len(found) < 2:
            raise DataError(
                f"{path}: expected at least two classes, but got {', '.join(found)} alone; name them with `labels`."
            )
        return sorted(found)

    @property
    def targets(self) -> list[Language]:
        return list(self.languages)

    def read(self, split: str, language: Language) -> list[Example]:
        assert isinstance(language, str)
        path = self._path(split, language)
        if split == "dev" and language != self.source and not (self._tells_languages("dev") and path.exists()):
            return []
        path = self._existing(split, language)
        table: ExampleTable = examples_from_rows(
            read_rows(path, self.header), path=path, language=language, columns=self.columns, labels=self.labels,
            language_name=self._name(language),
        )  # fmt: skip
        if not table.examples and split != "dev":
            raise DataError(
                f"{path}: no rows for language {self._name(language)!r}; check its spelling in the configuration."
            )
        return table.examples

    def _tells_languages(self, split: str) -> bool:
        """Whether a path or a column says which rows are in which language; otherwise all are in the source's."""
        return "{language}" in self.paths[split] or self.columns.language is not None

    def _name(self, language: str) -> str:
        """What stands for a language in paths and in the language column."""
        return self._names.get(language, language)

    def _existing(self, split: str, language: str) -> Path:
        """A file, which has to be there if others of its kind are."""
        path = self._path(split, language)
        others = sorted(glob(str(Path(escape(self.data_dir)) / self.paths[split].replace("{language}", "*"))))
        if others and not path.exists():
            raise DataError(
                f"{path}: no such file, but {others[0]}; where files or folders name languages otherwise, write "
                f"languages: {{{language}: NAME}}, with the source in it too."
            )
        return path

    def _path(self, split: str, language: str) -> Path:
        return Path(self.data_dir) / self.paths[split].replace("{language}", self._name(language))
