"""Which pairs of a corpus are trained on and which are held out: a function of their texts, not of their order."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Balance = Literal["proportional", "equal"]


class Selection(NamedTuple):
    """Rows of a corpus, in ascending order.

    Args:
        train: to learn from.
        held_out: for diagnostics; no training pair has one of their texts on either side.
        duplicates: rows that repeat another one, by language pair, shape (L,).
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
        tokens: of both texts together, shape (N,); needed for ``max_tokens``.
        held_out: pairs to hold out of each language pair, at most half of them.
        max_pairs: of all language pairs together.
        max_tokens: likewise; the pair that would exceed it is left out.
        balance: ``proportional`` keeps the languages' shares, ``equal`` gives each as much, and what one cannot fill to
            the others.
        seed: of the choice.
    """
    count = int(groups.max(initial=-1)) + 1
    pair = _mixed(sources ^ _mixed(targets + groups.astype(np.uint64)))
    _, first = np.unique(pair, return_index=True)
    first.sort()
    duplicates = np.bincount(groups, minlength=count) - np.bincount(groups[first], minlength=count)
    del pair
    held = _hold_out(sources, groups, first, held_out, seed)
    # Texts of different languages that are alike (names, mostly) count as one: left out are a few too many.
    texts = np.concatenate([sources[held], targets[held]])
    seen = np.isin(sources[first], texts) | np.isin(targets[first], texts)
    free = first[~seen]
    beside = np.bincount(groups[first[seen]], minlength=count) - np.bincount(groups[held], minlength=count)
    rank = _mixed(sources[free] ^ _mixed(targets[free] + np.uint64(seed)))
    order = free[np.lexsort((rank, groups[free]))]
    amounts = [np.ones(len(order), np.int64)] if max_pairs is not None else []
    limits = [max_pairs] if max_pairs is not None else []
    if max_tokens is not None:
        assert tokens is not None
        amounts.append(tokens[order].astype(np.int64))
        limits.append(max_tokens)
    kept = np.ones(len(order), bool)
    for amount, limit in zip(amounts, limits, strict=True):
        kept &= _within(amount, groups[order], limit, balance, count)
    over = np.bincount(groups[order[~kept]], minlength=count)
    return Selection(np.sort(order[kept]), np.sort(held), duplicates, beside, over)


def _hold_out(sources: np.ndarray, groups: np.ndarray, rows: np.ndarray, each: int, seed: int) -> np.ndarray:
    rank = _mixed(sources[rows] + np.uint64(seed))
    order = rows[np.lexsort((rank, groups[rows]))]
    starts = np.searchsorted(groups[order], np.arange(groups.max(initial=-1) + 2))
    chosen = [order[a : a + min(each, (b - a) // 2)] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    return np.concatenate(chosen) if chosen else rows[:0]


def _within(amount: np.ndarray, groups: np.ndarray, limit: int, balance: Balance, count: int) -> np.ndarray:
    """The first rows of each group that fit its share of the limit."""
    totals = np.bincount(groups, weights=amount, minlength=count)
    shares = _shares(totals, limit, balance)
    running = np.cumsum(amount)
    before = np.concatenate([[0], np.cumsum(totals)])[groups]
    return running - before <= shares[groups] + 1e-6


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
