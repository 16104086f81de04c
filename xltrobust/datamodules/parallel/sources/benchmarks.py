"""Parallel text in the layouts of two benchmarks: Tatoeba and NTREX."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.files import FileBitext, aligned_lines
from xltrobust.datamodules.parallel.sources.language_codes import spelled_as
from xltrobust.errors import DataError
from xltrobust.text.languages import base_language, check_codes


class _LineAlignedBenchmark(FileBitext):
    """Line-aligned files of many languages in one directory."""

    def __init__(self, data_dir: str, languages: list[str] | None, pivot: str) -> None:
        if languages is not None and (not languages or pivot in languages):
            raise ValueError(
                f"Expected argument `languages` to name languages other than {pivot!r}, but got {languages}."
            )
        check_codes("pivot", [pivot])
        check_codes("languages", languages or [])
        self.data_dir, self.pivot = data_dir, pivot
        self.languages = None if languages is None else list(dict.fromkeys(languages))

    @abstractmethod
    def aligned(self) -> dict[str, tuple[Path, Path]]:
        """By language: the pivot's file and the language's file."""

    def paths(self) -> list[Path]:
        return list(dict.fromkeys(path for pair in self.aligned().values() for path in pair))

    def codes(self) -> list[str]:
        return [self.pivot, *self.aligned()]

    def __iter__(self) -> Iterator[SentencePair]:
        for language, files in self.aligned().items():
            for source, target in aligned_lines(*files):
                yield SentencePair(source, target, self.pivot, language)

    def _found(self, prefix: str, suffix: str) -> dict[str, Path]:
        found = sorted(Path(self.data_dir).glob(f"{prefix}*{suffix}"))
        if not found:
            raise DataError(f"{self.data_dir}: there is no {prefix}*{suffix}; check data_dir in the configuration.")
        return {path.name.removeprefix(prefix).removesuffix(suffix): path for path in found}


class TatoebaPairs(_LineAlignedBenchmark):
    """Tatoeba sentence pairs with English, as in LASER and XTREME: ``tatoeba.deu-eng.deu``, ``tatoeba.deu-eng.eng``.

    Args:
        data_dir: the directory of the files.
        languages: codes in any spelling (``de``, ``deu``), which the pairs keep; None uses all languages found.
        pivot: how the pairs spell English, the language of all sources.

    Raises:
        ValueError: if a code is malformed, if ``languages`` is empty or has the pivot, or if the pivot is not English.
    """

    name, licence = "Tatoeba", "CC BY 2.0 FR"

    def __init__(self, *, data_dir: str, languages: list[str] | None = None, pivot: str = "eng") -> None:
        super().__init__(data_dir, languages, pivot)
        if base_language(pivot) != "en":
            raise ValueError(f"Expected argument `pivot` to be English in some spelling, but got {pivot!r}.")

    def aligned(self) -> dict[str, tuple[Path, Path]]:
        found = self._found("tatoeba.", "-eng.eng")
        chosen = {code: spelled_as(code, found, self.data_dir) for code in self.languages or found}
        return {code: (found[name], found[name].with_suffix(f".{name}")) for code, name in chosen.items()}


class NTREXPairs(_LineAlignedBenchmark):
    """NTREX-128 news (Federmann et al., 2022): ``newstest2019-src.eng.txt`` and ``newstest2019-ref.{language}.txt``.

    Args:
        data_dir: the directory of the files.
        languages: codes in any spelling (``de``, ``deu``), which the pairs keep; None uses all but the pivot. If a code
            could mean several files (zho-CN, zho-TW), spell it as the file does.
        pivot: the language of all sources; it can be any language found.

    Raises:
        ValueError: if a code is malformed, or if ``languages`` is empty or has the pivot.
    """

    name, licence = "NTREX-128", "CC BY-SA 4.0"

    def __init__(self, *, data_dir: str, languages: list[str] | None = None, pivot: str = "en") -> None:
        super().__init__(data_dir, languages, pivot)

    def aligned(self) -> dict[str, tuple[Path, Path]]:
        found = self._found("newstest2019-src.", ".txt") | self._found("newstest2019-ref.", ".txt")
        pivot = spelled_as(self.pivot, found, self.data_dir, "pivot")
        named = self.languages or [code for code in found if code != pivot]
        chosen = {code: spelled_as(code, found, self.data_dir) for code in named}
        if same := [code for code, name in chosen.items() if name == pivot]:
            raise DataError(
                f"{self.data_dir}: {same[0]!r} is the pivot {self.pivot!r} itself; take it out of languages."
            )
        return {code: (found[pivot], found[name]) for code, name in chosen.items()}
