"""Chooses the training pairs and the held-out pairs of a corpus, by their texts and not by their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

Balance = Literal["proportional", "equal"]
_AT_ONCE = 1 << 20  # rows


class Selection(NamedTuple):
    """The chosen rows of a corpus, in ascending order, and how many were left out of each of L language pairs.

    Args:
        train: the training rows.
        held_out: the rows for diagnostics; no training pair has one of their texts on either side.
        duplicates: the number of rows that repeat an earlier one, shape (L,).
        beside_held_out: the number of rows left out because one of their texts is held out, shape (L,).
        over_budget: the number of rows left out because they exceed the budget, shape (L,).
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
    """Chooses pairs by the hashes of their texts, so that a smaller budget takes a subset of what a larger one takes.

    The pairs whose *source* texts have the lowest hashes are held out. Language pairs with the same pivot thus hold out
    the same pivot texts where possible, and few pairs are lost for training.

    Args:
        sources: hashes of the source texts, uint64, shape (N,).
        targets: hashes of the target texts, uint64, shape (N,).
        groups: the number of each row's language pair, shape (N,).
        usable: False for rows that may be neither trained on nor held out, shape (N,), boolean; None uses all. They are
            removed after the held-out pairs are chosen, so that this choice does not depend on them.
        tokens: tokens in both texts of each row, shape (N,); needed for ``max_tokens``.
        held_out: how many pairs to hold out of each language pair, at most half of it.
        max_pairs: the most training pairs, of all language pairs together.
        max_tokens: the most tokens, of all language pairs together; the pair that would exceed it is left out.
        balance: ``proportional`` keeps the language pairs' proportions; ``equal`` gives each the same share, and
            divides what a small one cannot fill among the others.
        seed: of the choice.
    """
    count = int(groups.max(initial=-1)) + 1
    salt = np.uint64(seed % 2**64)
    first = _first_of_each(sources, targets, groups)
    held = [_hold_out(sources, targets, first & (groups == group), held_out, salt) for group in range(count)]
    held_rows = np.sort(np.concatenate([np.zeros(0, np.int64), *held]))
    # Equal texts of different languages (mostly names) are taken for one, so a few more are left out than necessary.
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
    """All rows, a million at a time, so that intermediate results need memory for only that many."""
    return (slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE))


def _by_group(groups: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(groups[mask], minlength=count)


def _first_of_each(sources: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which rows do not repeat an earlier one, shape (N,), boolean."""
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
    """The ``size`` rows of the mask (at most half of them) that come first by source hash, then by target hash."""
    size = min(size, int(mask.sum()) // 2)
    best = np.zeros(0, np.int64)
    for part in _parts(len(mask)):
        rows = np.concatenate([best, np.flatnonzero(mask[part]) + part.start])
        rank = _mixed(sources[rows] + salt)
        if len(rows) > size > 0:  # sort only those that can be among the first
            rows = rows[near := rank <= np.partition(rank, size - 1)[size - 1]]
            rank = rank[near]
        best = rows[np.lexsort((_mixed(targets[rows] + salt), rank))[:size]]
    return best


def _among(values: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Which of ``those`` are among the sorted ``values``, boolean (``np.isin`` would sort ``those``)."""
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
    """Removes from the mask ``kept`` what exceeds the budget: in each group, all rows but those of the lowest hash."""
    count = int(groups.max(initial=-1)) + 1
    totals = np.array([amount.sum(where=free & (groups == group), dtype=np.int64) for group in range(count)], float)
    shares = _shares(totals, limit, balance)
    for group in np.flatnonzero(shares < totals):
        rows = np.flatnonzero(free & (groups == group))
        rank = np.empty(len(rows), np.uint64)
        for part in _parts(len(rows)):
            rank[part] = _mixed(sources[rows[part]] ^ _mixed(targets[rows[part]] + salt))
        kept[rows[rank > _last_rank(rank, amount[rows], int(shares[group]))]] = False


def _last_rank(rank: np.ndarray, amount: np.ndarray, share: int) -> int:
    """The highest rank up to which the amounts fit the share, or -1. Bisects, since sorting takes twice the memory."""
    low, high = -1, 2**64 - 1
    while low < high:
        middle = (low + high + 1) // 2
        if amount.sum(where=rank <= np.uint64(middle), dtype=np.int64) <= share:
            low = middle
        else:
            high = middle - 1
    return low


def _shares(totals: np.ndarray, limit: int, balance: Balance) -> np.ndarray:
    """Each group's share of the limit.

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
    for place, group in enumerate(order):  # the smallest first, so that the rest divide what it cannot fill
        shares[group] = min(totals[group], left // (len(order) - place))
        left -= shares[group]
    return shares


def _mixed(values: np.ndarray) -> np.ndarray:
    """Hashes the hashes again (SplitMix64's finalizer), to break up structure in sums and XORs of text hashes."""
    mixed = values.astype(np.uint64, copy=True)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
