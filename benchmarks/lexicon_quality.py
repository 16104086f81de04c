"""Which aligner induces the best lexicon, and which of its pairs are worth keeping? Judged by Wiktionary.

Lexicons are induced from two small corpora that pair English with six languages: Tatoeba's test pairs
(``tatoeba.deu-eng.eng`` and ``.deu``) and the strings of Home Assistant's user interface (a package).
``wiktionary/en-de.txt`` has a word and a translation per line. Words are compared without case and diacritics, and also
by their stems.

Links are judged for those English words of which Wiktionary lists a translation that occurs in the other sentence: how
many of these words are linked to it (link recall), and how many of their links lead to it (link precision).

python benchmarks/lexicon_quality.py --data DIR [--aligners eflomal hmm] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import snowballstemmer

from xltrobust.datamodules.parallel.cleaning import PairCleaner
from xltrobust.datamodules.parallel.sources.home_assistant import HomeAssistantTranslations
from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.datamodules.parallel.words.embedding_aligner import EmbeddingAligner
from xltrobust.datamodules.parallel.words.induced_lexicon import (
    MIN_COUNT,
    MIN_PROBABILITY,
    InducedLexicon,
    LexiconEntry,
)
from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.text.bilingual_lexicon import strip_diacritics
from xltrobust.text.word_table import fold, read_table
from xltrobust.text.words import word_parts

# Language: Tatoeba's code, and Snowball's name.
LANGUAGES = {
    "de": ("deu", "german"), "fr": ("fra", "french"), "nl": ("nld", "dutch"),
    "ru": ("rus", "russian"), "it": ("ita", "italian"), "zh": ("cmn", None),
}  # fmt: skip
ALIGNERS: dict[str, WordAligner] = {
    "ibm1": StatisticalAligner(model="ibm1"),
    "fast_align": StatisticalAligner(model="fast_align"),
    "hmm": StatisticalAligner(model="hmm"),
    "eflomal": StatisticalAligner(model="eflomal"),
    "hmm, intersection": StatisticalAligner(model="hmm", symmetrization="intersection"),
    "eflomal, intersection": StatisticalAligner(model="eflomal", symmetrization="intersection"),
    "embedding": EmbeddingAligner(),
}
FILTERS: dict[str, Callable[[LexiconEntry], float]] = {
    "p(target)": lambda entry: entry.p_target,
    "smaller": lambda entry: min(entry.p_target, entry.p_source),
    "product": lambda entry: entry.p_target * entry.p_source,
}
Pairs = tuple[list[str], list[str]]


def tatoeba(data: Path, language: str) -> Pairs:
    """Tatoeba's pairs, English first."""
    code = LANGUAGES[language][0]
    files = [data / "tatoeba" / f"tatoeba.{code}-eng.{suffix}" for suffix in ("eng", code)]
    english, other = (file.read_text(encoding="utf8").removesuffix("\n").split("\n") for file in files)
    return english, other


def home_assistant(data: Path, language: str) -> Pairs:
    """The user interface's strings, English first, without repeated and untranslated ones."""
    cleaner = PairCleaner()
    cleaned = map(cleaner, HomeAssistantTranslations(languages=["zh-Hans" if language == "zh" else language]))
    pairs = list(dict.fromkeys((pair.source, pair.target) for pair in cleaned if pair))
    return [source for source, _ in pairs], [target for _, target in pairs]


class Judge:
    """Wiktionary's translations from English into a language: without case and diacritics, and by stems."""

    def __init__(self, data: Path, language: str) -> None:
        name = LANGUAGES[language][1]
        self._english = lru_cache(None)(snowballstemmer.stemmer("english").stemWord)
        self._other = lru_cache(None)(snowballstemmer.stemmer(name).stemWord) if name else str
        self._pairs = {
            (_bare(word), _bare(other))
            for word, others in read_table(str(data / "wiktionary" / f"en-{language}.txt")).items()
            for other in others
        }
        self._words = {word for word, _ in self._pairs}
        self._stems = {(self._english(word), self._other(other)) for word, other in self._pairs}
        self._word_stems = {word for word, _ in self._stems}

    def entries(self, entries: Iterable[LexiconEntry]) -> tuple[float, float]:
        """Precision, of the pairs whose English word Wiktionary lists: by spelling, and by stems."""
        pairs = {(_bare(entry.source), _bare(entry.target)) for entry in entries}
        stems = {(self._english(word), self._other(other)) for word, other in pairs}
        known = [pair in self._pairs for pair in pairs if pair[0] in self._words]
        known_stems = [pair in self._stems for pair in stems if pair[0] in self._word_stems]
        return sum(known) / max(len(known), 1), sum(known_stems) / max(len(known_stems), 1)

    def links(self, sources: list[str], targets: list[str], links: list[Links]) -> tuple[float, float]:
        """Link precision and link recall, by stems."""
        right = made = found = sought = 0
        for source, target, sentence_links in zip(sources, targets, links, strict=True):
            ours = [self._english(word) for word in _words(source)]
            theirs = [self._other(word) for word in _words(target)]
            for i, word in enumerate(ours):
                listed = {j for j, other in enumerate(theirs) if (word, other) in self._stems}
                if listed:
                    linked = {j for place, j in sentence_links if place == i}
                    right, made = right + len(linked & listed), made + len(linked)
                    found, sought = found + bool(linked & listed), sought + 1
        return right / max(made, 1), found / max(sought, 1)


def coverage(entries: Iterable[LexiconEntry], counts: Counter[str]) -> float:
    """The share of running words that have a translation."""
    words = {_bare(entry.source) for entry in entries}
    return sum(counts[word] for word in words) / max(counts.total(), 1)


@lru_cache(None)
def _bare(word: str) -> str:
    return strip_diacritics(fold(word))


def _words(text: str) -> list[str]:
    return [_bare(text[start:end]) for start, end in word_parts(text)]


def measured(data: Path, languages: list[str], aligners: list[str]) -> Iterator[dict[str, object]]:
    """A row for each corpus, aligner, language and filter."""
    for corpus in (tatoeba, home_assistant):
        for language in languages:
            sources, targets = corpus(data, language)
            judge = Judge(data, language)
            counts = Counter(word for text in sources for word in _words(text))
            for name in aligners:
                start = time.perf_counter()
                links = ALIGNERS[name].align(sources, targets)
                seconds = time.perf_counter() - start
                entries = InducedLexicon.from_links(sources, targets, links, min_count=1, min_probability=0).entries
                about = {"corpus": corpus.__name__, "language": language, "aligner": name, "pairs": len(sources)}
                link_precision, link_recall = judge.links(sources, targets, links)
                for criterion, value in FILTERS.items():
                    for count in (1, 2, 3):
                        for least in (0.05, 0.1, 0.2, 0.3):
                            kept = [entry for entry in entries if entry.count >= count and value(entry) >= least - 1e-9]
                            exact, stems = judge.entries(kept)
                            yield about | {
                                "criterion": criterion, "min_count": count, "min_probability": least,
                                "precision": exact, "stem_precision": stems, "coverage": coverage(kept, counts),
                                "link_precision": link_precision, "link_recall": link_recall,
                                "entries": len(kept), "seconds": seconds,
                            }  # fmt: skip


def table(rows: list[dict], keys: list[str]) -> str:
    """A Markdown table with the means over all rows that have the same values of the keys."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    lines = [
        "| "
        + " | ".join(keys)
        + " | precision | by stems | coverage | entries | link precision | link recall | seconds |"
    ]
    lines.append("|---" * len(keys) + "|---:" * 7 + "|")
    for group, members in groups.items():
        numbers = [name for name, value in members[0].items() if isinstance(value, float | int)]
        means = {name: fmean(row[name] for row in members) for name in numbers}
        lines.append(
            f"| {' | '.join(map(str, group))} | {means['precision']:.1%} | {means['stem_precision']:.1%} "
            f"| {means['coverage']:.1%} | {means['entries']:,.0f} | {means['link_precision']:.1%} "
            f"| {means['link_recall']:.1%} | {means['seconds']:.1f} |"
        )
    return "\n".join(lines)


def _alphabetic(rows: list[dict]) -> list[dict]:
    """The rows without Chinese if there are others: Wiktionary has traditional characters, the corpora simplified."""
    return [row for row in rows if row["language"] != "zh"] or rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with tatoeba and wiktionary")
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--aligners", nargs="+", default=list(ALIGNERS), choices=ALIGNERS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    given = parser.parse_args()
    rows: list[dict] = list(measured(given.data, given.languages, given.aligners))
    default = [
        row for row in rows
        if (row["criterion"], row["min_count"], row["min_probability"]) == ("product", MIN_COUNT, MIN_PROBABILITY)
    ]  # fmt: skip
    print(f"Pairs linked {MIN_COUNT} times or more, product of both shares {MIN_PROBABILITY} or more:\n")
    print(table(_alphabetic(default), ["corpus", "aligner"]), end="\n\n")
    print(table(default, ["corpus", "aligner", "language"]), end="\n\n")
    print(table(_alphabetic(rows), ["corpus", "aligner", "criterion", "min_count", "min_probability"]))
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
