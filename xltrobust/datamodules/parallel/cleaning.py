"""Which sentence pairs are worth learning from: one at a time, with counts of what was left out and why."""

from __future__ import annotations

from collections import Counter

from xltrobust.datamodules.parallel.sources.base import SentencePair

_SMOOTHING = 10  # characters: "On" and "Eingeschaltet" are not to count as one to six
_LEARNT_FROM = 10_000  # pairs by which the languages' ratio of lengths is judged


class PairCleaner:
    """Leaves out pairs that are empty, identical, too long, or of lengths that do not go together.

    Lengths are in characters. A Chinese sentence has a third of an English one's, so a pair's ratio is taken relative
    to that of its languages: to the ratio of all text of the pairs before it, up to ten thousand.

    Args:
        max_length: characters of either text.
        max_length_ratio: of the longer text to the shorter, ten characters added to both, once the languages' own ratio
            has been taken out.

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
        self._lengths: dict[tuple[str, str], tuple[int, int, int]] = {}  # characters of both sides, and pairs

    def __call__(self, pair: SentencePair) -> SentencePair | None:
        """The pair with single spaces; None if it is left out."""
        languages = pair.source_language, pair.target_language
        counts = self.counts.setdefault(languages, Counter())
        counts["read"] += 1
        source, target = " ".join(pair.source.split()), " ".join(pair.target.split())
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
        # Smoothed as well: the first pair is no judge of its language.
        usual = (targets + 1000) / (sources + 1000)
        ratio = (len(target) / usual + _SMOOTHING) / (len(source) + _SMOOTHING)
        return "length ratio" if max(ratio, 1 / ratio) > self.max_length_ratio else None
