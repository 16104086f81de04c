"""Base of benchmarks of sentence pairs that are translated into many languages: XNLI and PAWS-X."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Literal

from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.example_table import Columns, ExampleTable, examples_from_rows
from xltrobust.datamodules.rows import NumberedRow, read_rows
from xltrobust.datamodules.tasks.generalized import cross_languages
from xltrobust.errors import DataError
from xltrobust.example import Example, Language, language_name

_XTREME_HEADER = ("text", "text_pair", "label")


class ParallelPairs(CrossLingualClassification):
    """A benchmark of sentence pairs with the same items in all languages, from the hub or from a local directory.

    Args:
        data_dir: a directory in the benchmark's original layout or in XTREME's (``{split}-{language}.tsv``: three
            columns, no header, no ids); None loads the data from the hub.
        hub: the name of a data set on the hub, or a local directory with the layout of one.
        languages: target languages; None takes all that the benchmark has.
        generalized: ``none`` tests pairs whose texts are in one language; ``all`` tests every ordered pair of
            languages, with ``text`` in the first and ``text_pair`` in the second (Huang et al., 2021); a list tests the
            pairs of languages in it. A language paired with itself is the language.
        source: the training language.
        kwargs: see :class:`CrossLingualClassification`.
    """

    all_languages: ClassVar[tuple[str, ...]]
    label_names: ClassVar[tuple[str, ...]]
    label_aliases: ClassVar[dict[str, str]] = {}
    hub_columns: ClassVar[Columns]
    hub_splits: ClassVar[dict[str, str]] = {"train": "train", "dev": "validation", "test": "test"}

    def __init__(
        self,
        *,
        data_dir: str | None = None,
        hub: str,
        languages: list[str] | None = None,
        generalized: Literal["none", "all"] | list[tuple[str, str]] = "none",
        source: str = "en",
        **kwargs: Any,
    ) -> None:
        super().__init__(source=source, **kwargs)
        named = [source, *(languages or []), *(language for pair in _listed(generalized) for language in pair)]
        unknown = sorted(set(named) - set(self.all_languages))
        if unknown:
            raise ValueError(
                f"Expected languages of {type(self).__name__} ({', '.join(self.all_languages)}), but got {unknown}."
            )
        self.data_dir = data_dir
        self.hub = hub
        self.languages = [code for code in (self.all_languages if languages is None else languages) if code != source]
        self.generalized = generalized
        self._tables: dict[tuple[str, str], ExampleTable] = {}

    @property
    def labels(self) -> list[str]:
        return list(self.label_names)

    @cached_property
    def targets(self) -> list[Language]:
        if self.generalized == "none":
            return list(self.languages)
        everything = list(product([self.source, *self.languages], repeat=2))
        pairs = everything if self.generalized == "all" else [tuple(pair) for pair in _listed(self.generalized)]
        named: list[Language] = [first if first == second else (first, second) for first, second in pairs]
        return [language for language in named if language != self.source]

    def splits(self) -> dict[str, list[Language]]:
        # Languages are validated on, and not pairs of them: 225 dev sets of XNLI would cost more than its training.
        dev: list[Language] = [self.source, *self.languages] if self.validate_targets else [self.source]
        return {"dev": dev, "test": [self.source, *self.targets]}

    def read(self, split: str, language: Language) -> list[Example]:
        if isinstance(language, str):
            table = self.table(split, language)
        else:
            table = cross_languages(self.table(split, language[0]), self.table(split, language[1]), language)
        if any(table.left_out.values()):
            self.counts.setdefault("left_out", {}).setdefault(split, {})[language_name(language)] = dict(table.left_out)
        if not table.examples and split != "dev":
            raise DataError(f"{self.data_dir or self.hub}: no {split} examples in {language_name(language)}.")
        return table.examples

    def table(self, split: str, language: str) -> ExampleTable:
        """One split in one language, read once from the hub or the directory."""
        key = (split, language)
        if key not in self._tables:
            self._tables[key] = self._read_hub(split, language) if self.data_dir is None else self._read_local(*key)
        return self._tables[key]

    @abstractmethod
    def original_file(self, split: str, language: str) -> tuple[Path, Columns]:
        """The file of a split in the original layout, relative to the data directory, and the names of its columns."""

    def _read_local(self, split: str, language: str) -> ExampleTable:
        root = Path(self.data_dir or "")
        original, columns = self.original_file(split, language)
        xtreme = root / f"{split}-{language}.tsv"
        rows: Any
        if (root / original).exists():
            path = root / original
            rows = read_rows(path)
        elif xtreme.exists():
            path, columns = xtreme, Columns(text="text", text_pair="text_pair", label="label")
            rows = _unquoted(read_rows(path, header=_XTREME_HEADER))
        elif split == "dev" and language != self.source:
            return ExampleTable([], 0, True, Counter())  # only validation needs it
        else:
            raise DataError(
                f"{root}: no {split} data for {language!r}: neither {original} (original layout) nor "
                f"{xtreme.name} (XTREME) is there; check data_dir."
            )
        return self._examples(rows, path, language, columns)

    def _read_hub(self, split: str, language: str) -> ExampleTable:
        from datasets import load_dataset  # seconds of imports, and only hub runs need them

        rows = load_dataset(self.hub, language, split=self.hub_splits[split])
        numbered = ((number, {k: str(v) for k, v in row.items()}) for number, row in enumerate(rows, 1))
        return self._examples(numbered, f"{self.hub}[{language}/{split}]", language, self.hub_columns)

    def _examples(self, rows: Any, path: Path | str, language: str, columns: Columns) -> ExampleTable:
        numbered: list[NumberedRow] = list(rows)
        return examples_from_rows(
            numbered,
            path=path,
            language=language,
            columns=columns,
            labels=self.label_names,
            aliases=self.label_aliases,
            untranslated="NS",
        )


def _listed(generalized: Literal["none", "all"] | list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [] if isinstance(generalized, str) else generalized


def _unquoted(rows: Iterable[NumberedRow]) -> Iterator[NumberedRow]:
    """Undoes the quoting of XTREME's scripts, which quote the fields that contain quotes, and double these."""
    for number, row in rows:
        yield number, {name: _unquote(value) for name, value in row.items()}


def _unquote(value: str) -> str:
    """
    >>> _unquote('"He said ""no"" ."'), _unquote('"He said no "'), _unquote('"A" and "B"')
    ('He said "no" .', '"He said no "', '"A" and "B"')
    """
    inner = value[1:-1]
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    # A field was quoted only if there are quotes inside it. Outer quotes of any other field belong to the text.
    doubled = inner.replace('""', "")
    return inner.replace('""', '"') if quoted and '"' in inner and '"' not in doubled else value
