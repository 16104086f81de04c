"""Tables of words and what may take their place: synonyms of one language, or translations into another."""

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
    """Words, each with what may take its place, in the order given; words that differ in case are different words.

    Everything is in NFC. A word is no replacement of itself, and words without replacements are left out. Tables are
    shared by all that read the same file: they are not to be changed.

    Args:
        entries: words and their replacements; those of repeated words add up.
        multiword: whether to keep words and replacements that hold spaces.

    >>> table = WordTable([("Bank", ["Ufer", "Geldhaus"]), ("bunt", ["farbig"])])
    >>> table["Bank"], table.get("BUNT"), table.lookup("BUNT")
    (('Ufer', 'Geldhaus'), None, ('farbig',))
    """

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]], *, multiword: bool = False) -> None:
        found: dict[str, dict[str, None]] = {}
        for word, others in entries:
            word = _cleaned(word, multiword)
            kept = {clean: None for other in others if (clean := _cleaned(other, multiword)) and clean != word}
            if word and kept:
                found.setdefault(word, {}).update(kept)
        super().__init__((word, tuple(others)) for word, others in found.items())

    def lookup(self, word: str) -> tuple[str, ...]:
        """The replacements of a word or, if the table does not have it, of all words that differ from it in case."""
        word = unicodedata.normalize("NFC", word)
        if word in self:
            return self[word]
        return tuple(dict.fromkeys(other for own in self._by_fold.get(fold(word), ()) for other in self[own]))

    def described(self) -> dict[str, Any]:
        """What results tell of the table: how many words it has, and a hash of them and their replacements."""
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
    """Read a table of words; what was read once and has not changed since is not read again.

    Args:
        source: a file, told by its ending, or an installed WordNet:

            - ``.json``: an object of lists, as the counter-fitted synonyms come, ``{"word": ["synonym", ...]}``;
            - ``.dat``: a MyThes thesaurus, as LibreOffice has them, in the encoding it names; antonyms are left out;
            - ``.tsv``: a word and one or more replacements a line, parted by tabs; repeated words add up;
            - ``.tsv`` or ``.csv`` of pairs, if the first line names PanLex's columns: ``txt`` and ``trans_txt``, or two
              language varieties such as ``eng-000`` and ``deu-000``, of which the first is translated; highest first by
              a column ``trans_quality``, ``quality``, ``score`` or ``denotations``, if there is one;
            - ``.tsv`` as :class:`~xltrobust.datamodules.parallel.words.induced_lexicon.InducedLexicon` writes it,
              likeliest first;
            - ``.txt``: a word and one translation a line, parted by one space or tab, as MUSE's dictionaries come;
            - ``.dict`` or ``.dict.dz`` with an ``.index`` beside it: dictd's format, as FreeDict's dictionaries come;
            - ``wn:LEXICON``: a lexicon of the package wn, such as ``wn:oewn:2024`` (which takes some 15 seconds).
        multiword: whether to keep words and replacements that hold spaces.

    Raises:
        TableError: if there is no such file or lexicon, if it is malformed or not UTF-8, or has no replacements.
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
    # Not splitlines(), which parts at characters that are no ends of lines here.
    lines = enumerate(text.split("\n"), 1)
    return readers[path.suffix]((f"{path}:{number}", line.rstrip("\r")) for number, line in lines)


def _counter_fitted(rows: Rows) -> Iterator[Entry]:
    wheres, lines = zip(*rows, strict=True)
    try:
        table = json.loads("\n".join(lines))
    except json.JSONDecodeError as error:
        raise TableError(f"{wheres[error.lineno - 1]}: not valid JSON ({error.msg}); mend the file.") from None
    except RecursionError:
        raise TableError(f"{wheres[0]}: not valid JSON (nested too deep); mend the file.") from None
    for word, others in table.items() if isinstance(table, dict) else [("word", type(table).__name__)]:
        if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
            raise malformed(wheres[0], f'an object of lists, {{"{word}": ["synonym", ...]}}', others)
        if any("\ud800" <= character <= "\udfff" for character in "".join([word, *others])):
            raise malformed(wheres[0], "characters, not halves of surrogate pairs", [word, *others])
        yield word, others


def _mythes_encoding(path: Path, data: bytes) -> str:
    name = data.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("ascii", "replace").strip()
    try:
        found = codecs.lookup(name.lower().removeprefix("microsoft-")).name
        return found if b"a".decode(found) else name  # refuses what is no encoding of text
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
            yield _ANNOTATION.sub(" ", word), [_ANNOTATION.sub(" ", own) for own in others if not _ANTONYM.search(own)]


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
    """A word in NFC with single spaces; empty if it is not to be kept."""
    clean = " ".join(unicodedata.normalize("NFC", word).split())
    return clean if multiword or " " not in clean else ""


def fold(word: str) -> str:
    """A word without its case, in NFC: what is equal for words that differ in case only."""
    return unicodedata.normalize("NFC", word.casefold())
