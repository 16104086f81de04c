"""Edits of a text, and what they do to it: the words they touch and their edit distance."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from xltrobust.example import Example, Side
from xltrobust.text.words import split_clusters, word_parts

_SIDES: tuple[Side, ...] = ("text", "text_pair")


@lru_cache(maxsize=65536)
def touched_words(text: str, edit: Edit) -> tuple[int, ...]:
    """Indices in :func:`~xltrobust.text.words.word_parts` of the words of one side that an edit changes.

    These are the words that it overlaps, and those that it lengthens, by inserting letters or digits next to them or by
    deleting what separated them from others. An edit of punctuation or white space that leaves all words as they are
    touches none. An insertion where two words meet without a gap counts as part of the first.

    >>> [touched_words("turn it, off", Edit(*edit)) for edit in [(1, 3, "ru"), (4, 5, ""), (4, 4, "s"), (7, 8, ";")]]
    [(0,), (0, 1), (0,), ()]
    """
    parts = word_parts(text)
    # The characters that are next to the neighbouring words after the edit, and those that were before.
    new = "".join(character for character in edit.replacement if unicodedata.category(character) != "Cf")
    following = new[:1] or text[edit.end : edit.end + 1]
    preceding = new[-1:] or text[: edit.start][-1:]
    replaced = text[edit.start : edit.end]
    lengthens_left = _is_wordy(following) and not _is_wordy(replaced[:1])
    lengthens_right = _is_wordy(preceding) and not _is_wordy(replaced[-1:])
    touched: list[int] = []
    for index in range(bisect_left(parts, edit.start, key=lambda part: part[1]), len(parts)):
        start, end = parts[index]
        if start > edit.end:
            break
        overlaps = edit.start < end and start < edit.end
        before_edit = end == edit.start and lengthens_left
        after_edit = start == edit.end and lengthens_right and not (touched and start == edit.start)
        if overlaps or before_edit or after_edit:
            touched.append(index)
    return tuple(touched)


def _is_wordy(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "LMN"


@lru_cache(maxsize=65536)
def distance(before: str, after: str) -> int:
    """Levenshtein distance in grapheme clusters.

    >>> distance("off", "fof"), distance("कि", "की"), distance("", "abc")
    (2, 1, 3)
    """
    return Levenshtein.distance(split_clusters(before), split_clusters(after))


def overlaps_any(edit: Edit, others: Iterable[Edit]) -> bool:
    """Whether an edit conflicts with one of the others: they overlap or start at the same place."""
    return any(
        edit.side == other.side and (edit.start == other.start or (edit.start < other.end and other.start < edit.end))
        for other in others
    )


def edit_distance(text: str, edits: Sequence[Edit]) -> int:
    """The summed edit distance of edits of one text; see :class:`MaxEditDistance`."""
    return sum(distance(text[edit.start : edit.end], edit.replacement) for edit in edits)


def total_distance(example: Example, edits: Sequence[Edit]) -> int:
    """The summed edit distance of edits of an example, over both sides; see :class:`MaxEditDistance`."""
    return sum(edit_distance(getattr(example, edit.side), [edit]) for edit in edits)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replaces the characters ``[start, end)`` of the *original* text of one side by ``replacement``."""

    start: int
    end: int
    replacement: str
    side: Side = "text"


def apply_edits(example: Example, edits: Sequence[Edit]) -> Example:
    """The example with non-overlapping edits applied; offsets are those of the original texts.

    Raises:
        ValueError: if two edits of one side overlap.

    >>> apply_edits(Example("0", "en", "turn on", 0), [Edit(0, 1, "b"), Edit(5, 7, "off")]).text
    'burn off'
    """
    changed: dict[str, str] = {}
    for side in _SIDES:
        in_order = sorted(edit for edit in edits if edit.side == side)
        if not in_order:
            continue
        source, pieces, at = getattr(example, side), [], 0
        for edit in in_order:
            if edit.start < at:
                raise ValueError(f"Expected edits not to overlap, but got {in_order}.")
            pieces += [source[at : edit.start], edit.replacement]
            at = edit.end
        changed[side] = "".join([*pieces, source[at:]])
    return replace(example, **changed)  # type: ignore[arg-type]
