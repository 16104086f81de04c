"""Which pairs of a corpus are trained on and which are held out: a function of their texts, not of their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

Balance = Literal["proportional", "equal"]
_AT_ONCE = 1 << 20  # rows


class Selection(NamedTuple):
    """Rows of a corpus, in ascending order.

    Args:
        train: to learn from.
        held_out: for diagnostics; no training pair has one of their texts on either side.
        duplicates: rows that repeat an earlier one, by language pair, shape (L,).
        beside_held_out: rows left out because one of their texts is held out, likewise.
        over_budget: rows left out for the budget's sake, likewise.
    """

    train: np.ndarray
    held_out: np.ndarray
    duplicates: np.ndarray
    beside_held_out: np.ndarray
    over_budget: np.ndarray


def select_pairs(
    sources: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    *,
    usable: np.ndarray | None = None,
    tokens: np.ndarray | None = None,
    held_out: int = 0,
    max_pairs: int | None = None,
    max_tokens: int | None = None,
    balance: Balance = "proportional",
    seed: int = 0,
) -> Selection:
    """Chooses pairs by hashes of their texts: a smaller budget takes a part of what a larger one takes.

    Held out are pairs whose *source* text comes first by its hash, so that languages with one pivot hold out the same
    texts of it where they can, and few of them are lost for training.

    Args:
        sources: hashes of the source texts, uint64, shape (N,).
        targets: hashes of the target texts, likewise.
        groups: the language pair of each, a small number, shape (N,).
        usable: which are to be in neither part if False, shape (N,), boolean; None takes all. They are looked at in
            holding out: which others are held out does not depend on it.
        tokens: of both texts together, shape (N,); needed for ``max_tokens``.
        held_out: pairs to hold out of each language pair, at most half of them.
        max_pairs: of all language pairs together.
        max_tokens: likewise; the pair that would exceed it is left out.
        balance: ``proportional`` keeps the languages' shares, ``equal`` gives each as much, and what one cannot fill to
            the others.
        seed: of the choice.
    """
    count = int(groups.max(initial=-1)) + 1
    salt = np.uint64(seed % 2**64)
    first = _first_of_each(sources, targets, groups)
    held = [_hold_out(sources, targets, first & (groups == own), held_out, salt) for own in range(count)]
    held_rows = np.sort(np.concatenate([np.zeros(0, np.int64), *held]))
    # Texts of different languages that are alike (names, mostly) count as one: left out are a few too many.
    texts = np.unique(np.concatenate([sources[held_rows], targets[held_rows]]))
    there = np.ones(len(groups), bool) if usable is None else usable
    held_rows, first = held_rows[there[held_rows]], first & there
    distinct = _by_group(groups, first, count)
    free = first
    for part in _parts(len(groups)):
        free[part] &= ~(_among(texts, sources[part]) | _among(texts, targets[part]))
    left = _by_group(groups, free, count)
    kept = free.copy()
    if max_pairs is not None:
        one = np.broadcast_to(np.int32(1), groups.shape)
        _keep_within(kept, sources, targets, groups, free, one, max_pairs, balance, salt)
    if max_tokens is not None:
        assert tokens is not None
        _keep_within(kept, sources, targets, groups, free, tokens, max_tokens, balance, salt)
    return Selection(
        train=np.flatnonzero(kept),
        held_out=held_rows,
        duplicates=_by_group(groups, there, count) - distinct,
        beside_held_out=distinct - left - np.bincount(groups[held_rows], minlength=count),
        over_budget=left - _by_group(groups, kept, count),
    )


def _parts(count: int) -> Iterator[slice]:
    """All rows, a million at a time: what is worked out on the way is not to take memory for all of them."""
    return (slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE))


def _by_group(groups: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(groups[mask], minlength=count)


def _first_of_each(sources: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which rows repeat no earlier one, shape (N,), boolean."""
    pair = np.empty(len(groups), np.uint64)
    for part in _parts(len(pair)):
        pair[part] = _mixed(sources[part] ^ _mixed(targets[part] + groups[part].astype(np.uint64)))
    order = np.argsort(pair, kind="stable")
    first = np.ones(len(pair), bool)
    for part in _parts(len(pair) - 1):
        rows, following = order[:-1][part], order[1:][part]
        first[following[pair[rows] == pair[following]]] = False
    return first


def _hold_out(sources: np.ndarray, targets: np.ndarray, mask: np.ndarray, size: int, salt: np.uint64) -> np.ndarray:
    """The first rows by source text, then by target text: ``size`` of those in the mask, at most half of them."""
    size = min(size, int(mask.sum()) // 2)
    best = np.zeros(0, np.int64)
    for part in _parts(len(mask)):
        rows = np.concatenate([best, np.flatnonzero(mask[part]) + part.start])
        rank = _mixed(sources[rows] + salt)
        if len(rows) > size > 0:  # few of them need be ordered
            rows = rows[near := rank <= np.partition(rank, size - 1)[size - 1]]
            rank = rank[near]
        best = rows[np.lexsort((_mixed(targets[rows] + salt), rank))[:size]]
    return best


def _among(values: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Which of those is one of the values, which are sorted (``np.isin`` would sort those)."""
    if not len(values):
        return np.zeros(len(those), bool)
    return values.take(np.searchsorted(values, those), mode="clip") == those


def _keep_within(
    kept: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    free: np.ndarray,
    amount: np.ndarray,
    limit: int,
    balance: Balance,
    salt: np.uint64,
) -> None:
    """Takes out of the mask what does not fit the budget: of each group all but its first rows."""
    count = int(groups.max(initial=-1)) + 1
    totals = np.array([amount.sum(where=free & (groups == own), dtype=np.int64) for own in range(count)], float)
    shares = _shares(totals, limit, balance)
    for group in np.flatnonzero(shares < totals):
        rows = np.flatnonzero(free & (groups == group))
        rank = np.empty(len(rows), np.uint64)
        for part in _parts(len(rows)):
            rank[part] = _mixed(sources[rows[part]] ^ _mixed(targets[rows[part]] + salt))
        kept[rows[rank > _last_rank(rank, amount[rows], int(shares[group]))]] = False


def _last_rank(rank: np.ndarray, amount: np.ndarray, share: int) -> int:
    """Up to which rank the amounts fit the share; -1 if none does. By bisection: sorting takes twice the memory."""
    low, high = -1, 2**64 - 1
    while low < high:
        middle = (low + high + 1) // 2
        if amount.sum(where=rank <= np.uint64(middle), dtype=np.int64) <= share:
            low = middle
        else:
            high = middle - 1
    return low


def _shares(totals: np.ndarray, limit: int, balance: Balance) -> np.ndarray:
    """What each group may take of the limit.

    >>> totals = np.array([600.0, 300.0, 100.0])
    >>> _shares(totals, 500, "proportional"), _shares(totals, 500, "equal")
    (array([300., 150.,  50.]), array([200., 200., 100.]))
    """
    if totals.sum() <= limit:
        return totals
    if balance == "proportional":
        return np.floor(limit * totals / totals.sum() + 1e-9)
    shares = np.zeros(len(totals))
    left = float(limit)
    order = np.argsort(totals, kind="stable")
    for place, group in enumerate(order):  # the smallest first: what it cannot fill is shared by the rest
        shares[group] = min(totals[group], left // (len(order) - place))
        left -= shares[group]
    return shares


def _mixed(values: np.ndarray) -> np.ndarray:
    """Hashes of hashes (SplitMix64's finalizer), so that sums and differences of texts' hashes mean nothing."""
    mixed = values.astype(np.uint64, copy=True)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
