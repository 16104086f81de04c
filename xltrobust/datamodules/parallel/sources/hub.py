"""Parallel text from the Hugging Face hub, or from a local directory with the layout of a hub data set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair
from xltrobust.datamodules.parallel.sources.files import file_stamps, two_languages
from xltrobust.datamodules.parallel.sources.language_codes import spelled_as
from xltrobust.errors import DataError, one_line


class HubPairs(Bitext):
    """A data set, streamed, whose rows have a ``translation`` by language (the layout of OPUS) or two text fields.

    Args:
        path: a hub data set, or a local directory with the layout of one.
        name: the data set's configuration (``de-en``).
        split: the split.
        source_language: code of the sources' language, which the pairs keep; if rows have a ``translation``, any
            spelling of one of its keys.
        target_language: code of the targets' language, in the same way.
        source_field: the field of the source texts; None for rows with a ``translation``.
        target_field: the field of the target texts; None for rows with a ``translation``.
        revision: the hub's commit, branch or tag; None uses the newest.
        licence: the texts' licence.

    Raises:
        ValueError: if only one of the two fields is given, or if a language code is malformed or both are the same.
    """

    def __init__(
        self,
        *,
        path: str,
        name: str | None = None,
        split: str = "train",
        source_language: str,
        target_language: str,
        source_field: str | None = None,
        target_field: str | None = None,
        revision: str | None = None,
        licence: str = "unknown",
    ) -> None:
        if (source_field is None) != (target_field is None):
            raise ValueError(
                "Expected either both or neither of the arguments `source_field` and `target_field` to be given, "
                f"but got {source_field!r} and {target_field!r}."
            )
        self.path, self.name, self.split, self.revision = path, name, split, revision
        self.source_language, self.target_language = two_languages(source_language, target_language)
        self.source_field, self.target_field = source_field, target_field
        self.licence = licence

    def provenance(self) -> dict[str, Any]:
        files = self._local_files()
        about = {
            "source": self._where(),
            "version": self.revision or ("unknown" if files else "newest"),
            "licence": self.licence,
            "languages": [self.source_language, self.target_language],
        }
        return about | ({"files": {path: size for path, size, _ in files}} if files else {})

    def stamp(self) -> Any:
        return [type(self).__name__, dict(vars(self)), self._local_files()]

    def __iter__(self) -> Iterator[SentencePair]:
        for number, row in enumerate(self._rows(), 1):
            where = f"{self._where()}, row {number}"
            texts: Any = row
            if self.source_field is not None and self.target_field is not None:
                keys = [self.source_field, self.target_field]
                if missing := [key for key in keys if key not in row]:
                    raise DataError(f"{where}: no field {missing[0]!r}; the row has {', '.join(row)}.")
            else:
                texts = row.get("translation")
                if not isinstance(texts, dict):
                    raise DataError(
                        f"{where}: no `translation` by language; the row has {', '.join(row)}: "
                        "name two of them as source_field and target_field."
                    )
                keys = [
                    spelled_as(self.source_language, texts, where, "source_language"),
                    spelled_as(self.target_language, texts, where, "target_language"),
                ]
            source, target = (_text(texts[key], f"{where}, {key}") for key in keys)
            yield SentencePair(source, target, self.source_language, self.target_language)

    def _rows(self) -> Iterator[dict[str, Any]]:
        from datasets import load_dataset  # seconds of imports, and only hub runs need them
        from datasets.exceptions import DatasetsError
        from datasets.utils import logging

        read = 0
        level = logging.get_verbosity()
        logging.set_verbosity(logging.CRITICAL)  # the errors that it logs are also in the exceptions that it raises
        try:
            rows = load_dataset(self.path, self.name, split=self.split, revision=self.revision, streaming=True)
            for row in rows:
                yield row
                read += 1
        except (OSError, ValueError, RuntimeError, DatasetsError) as error:  # pyarrow's errors are subclasses of these
            after = f" after row {read}" if read else ""
            reason = one_line(error).rstrip(".")
            raise DataError(
                f"{self._where()}: cannot be read{after} ({reason}); check path, name, split and revision, "
                "and that the hub can be reached."
            ) from None
        finally:
            logging.set_verbosity(level)

    def _where(self) -> str:
        return f"{self.path}[{self.name}/{self.split}]" if self.name else f"{self.path}[{self.split}]"

    def _local_files(self) -> list[tuple[str, int, int]]:
        return file_stamps(sorted(path for path in Path(self.path).rglob("*") if path.is_file()))


def _text(value: Any, where: str) -> str:
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: expected text, but got {type(value).__name__}.")
    return value or ""  # None where there is no translation
