"""A bilingual lexicon induced from aligned sentence pairs."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from xltrobust.datamodules.parallel.words.aligner import Links
from xltrobust.errors import DataError
from xltrobust.files import atomic_write
from xltrobust.text.lexicon_formats import INDUCED_HEADER
from xltrobust.text.word_table import WordTable, fold
from xltrobust.text.words import word_parts

MIN_COUNT, MIN_PROBABILITY = 2, 0.1


@dataclass(frozen=True)
class LexiconEntry:
    """A pair of linked words.

    Args:
        source: the word.
        target: its translation.
        count: how often they were linked.
        p_target: the share of the source word's links that lead to this translation.
        p_source: the share of the translation's links that lead to this source word.
    """

    source: str
    target: str
    count: int
    p_target: float
    p_source: float


class InducedLexicon:
    """Pairs of linked words with counts and probabilities; each word's likeliest translation comes first.

    Args:
        entries: in any order.

    >>> texts, translations = ["the Light", "Light"], ["das Licht", "Licht"]
    >>> lexicon = InducedLexicon.from_links(texts, translations, [[(0, 0), (1, 1)], [(0, 0)]])
    >>> lexicon.entries, lexicon.table()
    ([LexiconEntry(source='Light', target='Licht', count=2, p_target=1.0, p_source=1.0)], {'Light': ('Licht',)})
    """

    def __init__(self, entries: Iterable[LexiconEntry]) -> None:
        self.entries = sorted(entries, key=lambda entry: (entry.source, -entry.p_target, -entry.p_source, entry.target))

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def from_links(
        cls,
        sources: Sequence[str],
        targets: Sequence[str],
        links: Sequence[Links],
        *,
        min_count: int = MIN_COUNT,
        min_probability: float = MIN_PROBABILITY,
    ) -> InducedLexicon:
        """Counts the links of N texts and their translations.

        Words that differ only in case are counted as one, in their most frequent spelling. A capital at the start of a
        text only counts if the word occurs nowhere else: so German nouns keep their capitals, and English verbs get
        none.

        Args:
            sources: N texts.
            targets: their translations.
            links: N lists of linked words.
            min_count: how often two words must be linked to be kept.
            min_probability: the smallest product ``p_target * p_source`` that is kept; being symmetric, it keeps the
                same pairs in both directions.

        Raises:
            ValueError: if ``min_count`` is less than 1, or ``min_probability`` not in [0, 1].
        """
        if min_count < 1:
            raise ValueError(f"Expected argument `min_count` to be at least 1, but got {min_count!r}.")
        if not 0 <= min_probability <= 1:
            raise ValueError(f"Expected argument `min_probability` to be in [0, 1], but got {min_probability!r}.")
        pairs: Counter[tuple[str, str]] = Counter()
        spelt = _Spellings(), _Spellings()
        for source, target, of_pair in zip(sources, targets, links, strict=True):
            ours, theirs = spelt[0].read(source), spelt[1].read(target)
            pairs.update((ours[i], theirs[j]) for i, j in of_pair)
        by_source: Counter[str] = Counter()
        by_target: Counter[str] = Counter()
        for (source, target), count in pairs.items():
            by_source[source] += count
            by_target[target] += count
        entries = []
        for (source, target), count in pairs.items():
            p_target, p_source = count / by_source[source], count / by_target[target]
            if count >= min_count and p_target * p_source >= min_probability:
                entries.append(LexiconEntry(spelt[0].of(source), spelt[1].of(target), count, p_target, p_source))
        return cls(entries)

    def table(self) -> WordTable:
        """The translations of each word, the likeliest first."""
        return WordTable((entry.source, [entry.target]) for entry in self.entries)

    def backwards(self) -> InducedLexicon:
        """The lexicon of the opposite direction."""
        return InducedLexicon(
            LexiconEntry(entry.target, entry.source, entry.count, entry.p_source, entry.p_target)
            for entry in self.entries
        )

    def write(self, path: Path) -> None:
        """Writes a table that :meth:`read` and :func:`~xltrobust.text.word_table.read_table` can read."""
        rows = [
            "\t".join(INDUCED_HEADER),
            *("{}\t{}\t{}\t{:.6f}\t{:.6f}".format(*astuple(entry)) for entry in self.entries),
        ]
        with atomic_write(path) as temporary:
            temporary.write_text("".join(f"{row}\n" for row in rows), encoding="utf8")

    @classmethod
    def read(cls, path: Path) -> InducedLexicon:
        """Reads a table that :meth:`write` wrote.

        Raises:
            DataError: if the file is missing or malformed; the message names the row.
        """
        try:
            header, *lines = path.read_text(encoding="utf8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{path}: cannot be read ({reason}); induce the lexicon again.") from None
        wanted = "\t".join(INDUCED_HEADER)
        if header != wanted:
            raise DataError(f"{path}:1: expected the header {wanted!r}, but got {header[:80]!r}; induce it again.")
        return cls(_entry(line, f"{path}:{row}") for row, line in enumerate(lines, 2))


class _Spellings:
    """Counts how the words of a language are spelt, within texts and with a capital at their start."""

    def __init__(self) -> None:
        self._within: dict[str, Counter[str]] = {}
        self._first: dict[str, Counter[str]] = {}

    def read(self, text: str) -> list[str]:
        """Counts the spellings in a text, and returns its words case-folded."""
        words = [unicodedata.normalize("NFC", text[start:end]) for start, end in word_parts(text)]
        folded = [fold(word) for word in words]
        for at, (word, plain) in enumerate(zip(words, folded, strict=True)):
            # A capital at the start of a text says nothing about the word's spelling; lower case does.
            kind = self._first if at == 0 and word[0].isupper() else self._within
            kind.setdefault(plain, Counter())[word] += 1
        return folded

    def of(self, folded: str) -> str:
        """The most frequent spelling of a word; ties go to the one in lower case."""
        counts = self._within.get(folded) or self._first[folded]
        return max(counts, key=lambda word: (counts[word], word == folded, word))


def _entry(line: str, where: str) -> LexiconEntry:
    try:
        source, target, count, p_target, p_source = line.split("\t")
        entry = LexiconEntry(source, target, int(count), float(p_target), float(p_source))
    except ValueError:
        entry = None
    if not entry or not source or not target or count.strip("0123456789") or not _are_shares(entry):
        raise DataError(f"{where}: expected two words, a count and two shares, but got {line[:80]!r}; induce it again.")
    return entry


def _are_shares(entry: LexiconEntry) -> bool:
    return 0 <= entry.p_target <= 1 and 0 <= entry.p_source <= 1
