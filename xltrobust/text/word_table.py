"""Tables of words and their replacements: synonyms in one language, or translations into another."""

from __future__ import annotations

import codecs
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import regex

from xltrobust.arguments import CLASS, HASH, class_name, hash_of
from xltrobust.text.lexicon_formats import (
    Entry,
    Rows,
    TableError,
    comma_separated,
    decoded,
    dictd,
    malformed,
    muse,
    tab_separated,
)

_ANNOTATION = regex.compile(r"\([^()]*\)")
_ANTONYM = regex.compile(r"\(\W*(?:ant[oó]n[iyí]m|антон[иі]м)", regex.IGNORECASE)


class WordTable(dict[str, tuple[str, ...]]):
    """Words with their replacements, in the order given. Words that differ in case are different words.

    All text is in NFC. A word is never its own replacement, and words without replacements are left out. Callers that
    read the same file share one table, so it must not be changed.

    Args:
        entries: words and their replacements; the replacements of a repeated word are joined.
        multiword: whether to keep words and replacements that contain spaces.

    >>> table = WordTable([("Bank", ["Ufer", "Geldhaus"]), ("bunt", ["farbig"])])
    >>> table["Bank"], table.get("BUNT"), table.lookup("BUNT")
    (('Ufer', 'Geldhaus'), None, ('farbig',))
    """

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]], *, multiword: bool = False) -> None:
        table: dict[str, dict[str, None]] = {}
        for word, others in entries:
            word = _cleaned(word, multiword)
            kept = {clean: None for other in others if (clean := _cleaned(other, multiword)) and clean != word}
            if word and kept:
                table.setdefault(word, {}).update(kept)
        super().__init__((word, tuple(others)) for word, others in table.items())

    def lookup(self, word: str) -> tuple[str, ...]:
        """The replacements of a word or, if the table lacks it, of all words that differ from it only in case."""
        word = unicodedata.normalize("NFC", word)
        if word in self:
            return self[word]
        return tuple(dict.fromkeys(other for entry in self._by_fold.get(fold(word), ()) for other in self[entry]))

    def described(self) -> dict[str, Any]:
        """What results record of the table: its class, its number of words, and a hash of its content."""
        return {CLASS: class_name(self), "size": len(self), HASH: self._hash}

    @cached_property
    def _hash(self) -> str:
        return hash_of(sorted(self.items()))

    @cached_property
    def _by_fold(self) -> dict[str, list[str]]:
        folded: dict[str, list[str]] = {}
        for word in self:
            folded.setdefault(fold(word), []).append(word)
        return folded


def read_table(source: str, *, multiword: bool = False) -> WordTable:
    """Reads a table of words. A file that has not changed since it was last read is not read again.

    Args:
        source: a file, in the format that its suffix tells, or an installed WordNet:

            - ``.json``: an object of lists, ``{"word": ["synonym", ...]}``, the counter-fitted synonyms' format;
            - ``.dat``: LibreOffice's MyThes thesauri, in the encoding that the file names; antonyms are left out;
            - ``.tsv``: a word and one or more replacements a line, separated by tabs; repeated words are joined;
            - ``.tsv`` or ``.csv`` of pairs, if the first line names PanLex's columns: ``txt`` and ``trans_txt``, or two
              language varieties such as ``eng-000`` and ``deu-000`` (words in the first are translated into the
              second). If there is a column ``trans_quality``, ``quality``, ``score`` or ``denotations``, translations
              are ordered by it, highest first;
            - ``.tsv`` as :class:`~xltrobust.datamodules.parallel.words.induced_lexicon.InducedLexicon` writes it; the
              most probable translations come first;
            - ``.txt``: MUSE's format, a word and one translation a line, separated by one space or tab;
            - ``.dict`` or ``.dict.dz`` with an ``.index`` beside it: dictd's format, which FreeDict uses;
            - ``wn:LEXICON``: a lexicon of the package wn, such as ``wn:oewn:2024`` (which takes some 15 seconds).
        multiword: whether to keep words and replacements that contain spaces.

    Raises:
        TableError: if the file or lexicon does not exist, is malformed, is in another encoding, or has no replacements.
    """
    if source.startswith("wn:"):
        return _read(source, None, multiword)
    try:
        path = Path(source).expanduser().absolute()
        stat = path.stat()
        return _read(str(path), (stat.st_mtime_ns, stat.st_size), multiword)
    except OSError as error:
        raise TableError(f"{source}: {error.strerror or error}; check the path in the configuration.") from None


@lru_cache(maxsize=64)
def _read(source: str, stamp: tuple[int, int] | None, multiword: bool) -> WordTable:
    entries = _wordnet(source.removeprefix("wn:")) if stamp is None else _file(Path(source))
    table = WordTable(entries, multiword=multiword)
    if not table:
        raise TableError(f"{source}: no {'' if multiword else 'single '}word has a replacement; use another table.")
    return table


def _file(path: Path) -> Iterator[Entry]:
    readers: dict[str, Callable[[Rows], Iterator[Entry]]] = {
        ".json": _counter_fitted, ".dat": _mythes, ".tsv": tab_separated, ".txt": muse, ".csv": comma_separated,
    }  # fmt: skip
    if path.name.endswith((".dict", ".dict.dz")):
        return dictd(path)
    if path.suffix not in readers:
        raise TableError(
            f"{path}: expected a .json, .dat, .tsv, .txt, .csv, .dict or .dict.dz file, or wn:LEXICON; "
            "rename or convert it."
        )
    data = path.read_bytes()
    text = decoded(data, path, _mythes_encoding(path, data) if path.suffix == ".dat" else "UTF-8")
    # Not splitlines(): it also splits at characters that do not end lines in these formats.
    lines = enumerate(text.split("\n"), 1)
    return readers[path.suffix]((f"{path}:{number}", line.rstrip("\r")) for number, line in lines)


def _counter_fitted(rows: Rows) -> Iterator[Entry]:
    wheres, lines = zip(*rows, strict=True)
    try:
        table = json.loads("\n".join(lines))
    except json.JSONDecodeError as error:
        raise TableError(f"{wheres[error.lineno - 1]}: not valid JSON ({error.msg}); fix the file.") from None
    except RecursionError:
        raise TableError(f"{wheres[0]}: not valid JSON (nested too deep); fix the file.") from None
    for word, others in table.items() if isinstance(table, dict) else [("word", type(table).__name__)]:
        if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
            raise malformed(wheres[0], f'an object of lists, {{"{word}": ["synonym", ...]}}', others)
        if any("\ud800" <= character <= "\udfff" for character in "".join([word, *others])):
            raise malformed(wheres[0], "text without unpaired surrogates", [word, *others])
        yield word, others


def _mythes_encoding(path: Path, data: bytes) -> str:
    name = data.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("ascii", "replace").strip()
    try:
        encoding = codecs.lookup(name.lower().removeprefix("microsoft-")).name
        return encoding if b"a".decode(encoding) else name  # decode raises for codecs that are no text encodings
    except (LookupError, ValueError):
        raise malformed(f"{path}:1", "the name of an encoding such as UTF-8", name[:40]) from None


def _mythes(rows: Rows) -> Iterator[Entry]:
    next(rows)  # the encoding
    for where, line in rows:
        if not line.strip():
            continue
        word, _, count = line.rpartition("|")
        if not word.strip() or not (count.strip().isascii() and count.strip().isdigit()):
            raise malformed(where, "a word, | and how many senses follow", line)
        for _ in range(int(count)):
            where, sense = next(rows, (where, ""))
            if "|" not in sense:
                raise malformed(where, f"{count.strip()} rows (part of speech)|synonym|... for {word!r}", sense)
            others = sense.split("|")[1:]  # the first field is the part of speech, or a dash
            yield (
                _ANNOTATION.sub(" ", word),
                [_ANNOTATION.sub(" ", other) for other in others if not _ANTONYM.search(other)],
            )


def _wordnet(name: str) -> Iterator[Entry]:
    try:
        import wn
    except ModuleNotFoundError:
        raise TableError(f"wn:{name}: reading a WordNet needs the package wn: pip install wn") from None
    lexicons = [lexicon.specifier() for lexicon in wn.lexicons(lexicon=name)]
    if len(lexicons) != 1:
        names = ", ".join(lexicons) or f"none is installed; python -m wn download {name}"
        raise TableError(f"wn:{name}: expected one installed lexicon, but got {len(lexicons)} ({names}).")
    net = wn.Wordnet(lexicons[0], expand="")
    words = [(word.lemma(), [sense.id for sense in word.senses()]) for word in net.words()]
    lemmas = {sense: lemma for lemma, senses in words for sense in senses}
    synsets: dict[str, list[str]] = {}
    for synset in net.synsets():
        senses = [sense.id for sense in synset.senses()]
        synsets.update(dict.fromkeys(senses, [lemmas[sense] for sense in senses if sense in lemmas]))
    yield from ((lemma, [other for sense in senses for other in synsets.get(sense, ())]) for lemma, senses in words)


def _cleaned(word: str, multiword: bool) -> str:
    """A word in NFC with single spaces; empty if it has several parts and ``multiword`` is false."""
    clean = " ".join(unicodedata.normalize("NFC", word).split())
    return clean if multiword or " " not in clean else ""


def fold(word: str) -> str:
    """A word in NFC with its case folded: equal for words that differ only in case."""
    return unicodedata.normalize("NFC", word.casefold())
