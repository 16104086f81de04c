"""Filters sentence pairs one at a time, and counts what is left out by reason."""

from __future__ import annotations

from collections import Counter

from xltrobust.datamodules.parallel.sources.base import SentencePair

_SMOOTHING = 10  # characters, so that "On" and "Eingeschaltet" do not count as a ratio of one to six
_LEARNT_FROM = 10_000  # pairs from which two languages' usual length ratio is estimated


class PairCleaner:
    """Leaves out pairs that are empty, identical, too long, or too different in length.

    Lengths are in characters. A Chinese sentence has a third of the characters of an English one, so a pair's length
    ratio is taken relative to that of its languages: the ratio over all text of the pairs so far, up to ten thousand.

    Args:
        max_length: the most characters that either text may have.
        max_length_ratio: the largest ratio of the longer text to the shorter, after dividing by the languages' ratio
            and adding ten characters to both.

    Raises:
        ValueError: if the length is not positive, or the ratio is not above 1.

    >>> cleaner = PairCleaner(max_length=100, max_length_ratio=3.0)
    >>> cleaner(SentencePair(" Turn off ", "Ausschalten", "en", "de"))
    SentencePair(source='Turn off', target='Ausschalten', source_language='en', target_language='de')
    >>> cleaner(SentencePair("Zigbee", "ZigBee", "en", "de")), dict(cleaner.counts["en", "de"])
    (None, {'read': 2, 'identical': 1})
    """

    def __init__(self, *, max_length: int = 400, max_length_ratio: float = 3.0) -> None:
        if max_length < 1:
            raise ValueError(f"Expected argument `max_length` to be at least 1, but got {max_length}.")
        if max_length_ratio <= 1:
            raise ValueError(f"Expected argument `max_length_ratio` to be above 1, but got {max_length_ratio}.")
        self.max_length, self.max_length_ratio = max_length, max_length_ratio
        self.counts: dict[tuple[str, str], Counter[str]] = {}
        self._lengths: dict[tuple[str, str], tuple[int, int, int]] = {}  # source and target characters, and pairs

    def __call__(self, pair: SentencePair) -> SentencePair | None:
        """The pair with white space reduced to single spaces; None if it is left out."""
        languages = pair.source_language, pair.target_language
        counts = self.counts.setdefault(languages, Counter())
        counts["read"] += 1
        source, target = cleaned(pair.source), cleaned(pair.target)
        if reason := self._objection(source, target, languages):
            counts[reason] += 1
            return None
        return SentencePair(source, target, *languages)

    def _objection(self, source: str, target: str, languages: tuple[str, str]) -> str | None:
        if not source or not target:
            return "empty"
        if source == target or source.casefold() == target.casefold():
            return "identical"
        if max(len(source), len(target)) > self.max_length:
            return "too long"
        sources, targets, pairs = self._lengths.get(languages, (0, 0, 0))
        if pairs < _LEARNT_FROM:
            sources, targets, pairs = sources + len(source), targets + len(target), pairs + 1
            self._lengths[languages] = sources, targets, pairs
        # Smoothed as well, since the first pairs are no reliable estimate.
        usual = (targets + 1000) / (sources + 1000)
        ratio = (len(target) / usual + _SMOOTHING) / (len(source) + _SMOOTHING)
        return "length ratio" if max(ratio, 1 / ratio) > self.max_length_ratio else None


def cleaned(text: str) -> str:
    """A text as the corpus has it: with white space reduced to single spaces."""
    return " ".join(text.split())
