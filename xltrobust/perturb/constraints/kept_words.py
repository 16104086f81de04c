"""Constraints on which words may change: each keeps numbers, names or stop words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import regex

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint
from xltrobust.perturb.edits import Edit, apply_edits, touched_words
from xltrobust.text.languages import base_language
from xltrobust.text.words import normalize, word_parts

# Digits of any script, with punctuation or symbols between them ("7:30", "1,000.5", "3–4"), signs or currency symbols
# before, and percent, degree or currency signs after.
_NUMBER = regex.compile(r"[-+−\p{Sc}]*\p{N}+(?:[\p{P}\p{S}]\p{N}+)*[%٪‰°\p{Sc}]*")
# The text before a word that starts a sentence: the end of the previous one, then spaces and opening quotation marks or
# brackets.
_SENTENCE_START = regex.compile(
    r"(?:^|[\p{Sentence_Terminal}…][\p{Pe}\p{Pf}\"']*\s)[\s\p{Ps}\p{Pi}\p{Pf}\p{Pd}¿¡\"']*$"
)
_EVERY = ""  # stands for all languages, where a language code would be


class KeepNumbers(Constraint):
    """Keeps the numbers of a text: none may be changed, added, removed, split or joined.

    A number is a run of digits of any script, with its separators, sign and currency or unit symbol (``7:30``,
    ``-5%``, ``€1,000``). Numbers written in words or ideographs (``七``) are not recognised.

    >>> keep = KeepNumbers()
    >>> [keep.allows(Example("0", "en", "at 7:30, ok", 0), [Edit(*edit)]) for edit in [(4, 5, "."), (7, 8, ";")]]
    [False, True]
    """

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        # Each edit is also checked alone, so that one cannot make up for another that changes a number.
        sets = [edits] if len(edits) < 2 else [edits, *([edit] for edit in edits)]
        return all(_numbers(apply_edits(example, applied)) == _numbers(example) for applied in sets)


class KeepNames(Constraint):
    """Keeps capitalised words that do not start a sentence, in scripts that have capitals.

    A heuristic for names that needs no model and works in any language. It misses names at the start of a sentence
    (and after an abbreviation's full stop), names that start in lower case ("iPhone") and names in scripts without
    capitals. It also keeps every other capitalised word: "I" and weekdays in English, all nouns in German, nearly
    everything in a headline or in capitals.
    """

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        return not any(_names(getattr(example, edit.side)).intersection(_touched(example, edit)) for edit in edits)


class KeepStopWords(Constraint):
    """Keeps the words of a list, in any case; this package contains no lists.

    Words are compared after Unicode normalisation and case folding. An entry that
    :func:`~xltrobust.text.words.word_parts` splits ("don't") keeps each of its parts.

    Args:
        words: a list of words to keep in every language, or such lists by language code, in any spelling ("zh-CN",
            "zho_Hans").
        files: by language code, text files (UTF-8) with one word per line.

    Raises:
        ValueError: if neither is given or both are empty, or if a language code is malformed.
        OSError: if a file cannot be read.

    >>> keep = KeepStopWords(words={"en": ["it"]})
    >>> [keep.allows(Example("0", "en", "turn It off", 0), [Edit(*edit)]) for edit in [(5, 6, "i"), (8, 8, "s")]]
    [False, True]
    """

    def __init__(
        self, *, words: list[str] | dict[str, list[str]] | None = None, files: dict[str, str] | None = None
    ) -> None:
        if not words and not files:
            raise ValueError(f"Expected argument `words` or `files` to name stop words, but got {words!r}, {files!r}.")
        lists = list(words.items()) if isinstance(words, dict) else [(_EVERY, words or [])]
        lists += [(code, Path(path).read_text(encoding="utf8").splitlines()) for code, path in (files or {}).items()]
        self._words: dict[str, frozenset[str]] = {_EVERY: frozenset()}
        for code, listed in lists:
            language = code and base_language(code)
            self._words[language] = self._words.get(language, frozenset()) | _parts(listed)

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        for edit in edits:
            text, language = getattr(example, edit.side), base_language(example.side_language(edit.side))
            kept = self._words[_EVERY] | self._words.get(language, frozenset())
            parts = word_parts(text)
            if any(_folded(text[slice(*parts[index])]) in kept for index in _touched(example, edit)):
                return False
        return True


def _touched(example: Example, edit: Edit) -> tuple[int, ...]:
    return touched_words(getattr(example, edit.side), edit)


def _numbers(example: Example) -> tuple[tuple[str, ...], ...]:
    return _numbers_of(example.text), _numbers_of(example.text_pair or "")


@lru_cache(maxsize=1024)
def _numbers_of(text: str) -> tuple[str, ...]:
    return tuple(_NUMBER.findall(text))


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[int]:
    """Indices of the words that are taken to be names."""
    return frozenset(
        index
        for index, (start, _) in enumerate(word_parts(text))
        if (text[start].isupper() or text[start].istitle()) and not _SENTENCE_START.search(text, 0, start)
    )


def _parts(words: Sequence[str]) -> frozenset[str]:
    return frozenset(_folded(word[start:end]) for word in words for start, end in word_parts(word))


@lru_cache(maxsize=65536)
def _folded(word: str) -> str:
    return normalize(word).casefold()
