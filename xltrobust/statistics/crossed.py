"""Contrasts between cells over other seeds *and* other items: variance components, and the pigeonhole bootstrap.

Every run answers the same items, so a contrast varies with the seeds that were drawn and with the items, and the two
are crossed. In both methods cells stay paired: an item, or a seed that all cells share, is drawn for all cells at once.
Languages are fixed.

The **interval** is from variance components. Per seed ``s`` and group ``g`` the contrast has an influence ``e(s, g)``
(its linearised ratio estimator, as a group's number of items varies). With the variances of its row and column means,

    V = V_seeds + V_items - V_both,

where ``V_both``, the variance of what is left after rows and columns, is what the first two both hold. This is the
unbiased estimate in a two-way layout with one observation a cell, and up to terms of 1/(S G) that of two-way
clustering (Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering", J. Business & Economic
Statistics 29). Student's t has Satterthwaite's degrees of freedom, so that few seeds give wide intervals. V is never
less than the greater of its two parts.

The **pigeonhole bootstrap** (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1) resamples seeds and
groups independently and crosses them. It counts the variance within (seed, item) three times and that of S seeds by
(S - 1) / S, and its percentile intervals know no Student's t; ``benchmarks/interval_coverage.py`` measures both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltrobust.errors import UserError
from xltrobust.statistics.counts import Counts
from xltrobust.statistics.run_means import Estimate, satterthwaite


@dataclass(frozen=True)
class Parts:
    """A contrast's estimate over other seeds and other items, and over each of them alone.

    Args:
        total: over other seeds and other items.
        seeds: over other seeds, on these very items.
        items: over other items (groups of them), with these very runs.
        paired: whether seeds are shared by all cells of the contrast, and were paired.
    """

    total: Estimate
    seeds: Estimate
    items: Estimate
    paired: bool


@dataclass(frozen=True)
class Resampled:
    """Percentile intervals of the pigeonhole bootstrap: ends over both, over seeds alone and over items alone."""

    value: float
    both: tuple[float, float]
    seeds: tuple[float, float]
    items: tuple[float, float]


def crossed_contrast(
    counts: Counts, weights: Mapping[str, float], *, languages: Mapping[str, float] | None = None, pair: bool = True
) -> Parts:
    """A contrast of accuracies, with intervals from crossed variance components.

    Args:
        counts: of the runs of all cells of the contrast.
        weights: by cell; they need not sum to 0, so that one cell's accuracy can be asked for as well.
        languages: weights by language; by default all equal, with the sum 1.
        pair: pair seeds if all cells have the same ones; otherwise, and with False, cells' seeds are independent.

    Raises:
        UserError: if a cell has fewer than two runs, or there are fewer than two groups of items.
    """
    scores, value, paired = _influence(counts, weights, languages, pair)
    groups = scores[0].shape[1]
    if groups < 2:
        raise UserError("all items share one group: no interval over other items can be given.")
    seeds, seeds_df, rest, rest_df = [], [], [], []
    for own in scores:  # one block of paired seeds, or one a cell
        n = len(own)
        by_seed = own.sum(1)
        left = own - own.mean(0) - (by_seed / groups)[:, None] + own.mean()
        seeds.append(float(by_seed.var(ddof=1)) / n)
        seeds_df.append(n - 1)
        rest.append(float((left**2).sum()) / (n * (n - 1)) * groups / (groups - 1))
        rest_df.append((n - 1) * (groups - 1))
    by_group = np.sum([own.mean(0) for own in scores], axis=0)
    items = float(((by_group - by_group.mean()) ** 2).sum()) * groups / (groups - 1)
    total = max(sum(seeds) + items - sum(rest), sum(seeds), items)
    parts = np.array([*seeds, items, *rest])
    # Satterthwaite for a difference of variances: the degrees of freedom of each part, over the total that it is of.
    below = float((parts**2 / np.array([*seeds_df, groups - 1, *rest_df])).sum())
    df = total**2 / below if below > 0 else float(sum(seeds_df))
    df = min(max(df, float(min(min(seeds_df), groups - 1))), float(sum(seeds_df) + groups - 1))
    return Parts(
        Estimate(value, math.sqrt(total), df),
        Estimate(value, math.sqrt(sum(seeds)), satterthwaite(seeds, seeds_df)),
        Estimate(value, math.sqrt(items), float(groups - 1)),
        paired,
    )


def pigeonhole_bootstrap(
    counts: Counts,
    weights: Mapping[str, float],
    *,
    pair: bool = True,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Resampled:
    """A contrast of accuracies averaged over languages, with percentile intervals over seeds, items, and both.

    Args:
        counts: as :func:`crossed_contrast` takes them.
        weights: likewise.
        pair: likewise.
        replicates: number of bootstrap replicates.
        level: of the intervals.
        seed: of the resampling.
    """
    cells = [cell for cell, weight in weights.items() if weight]
    paired = pair and _share_seeds(counts, cells)
    rng = np.random.default_rng(seed)
    groups = len(counts.of)
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=replicates).astype(float)
    of = drawn @ counts.of  # (replicates, L)
    shared: NDArray[np.float64] | None = None
    found = np.zeros((3, replicates))
    for cell in cells:
        right = counts.correct[counts.rows(cell)].astype(float)  # (S, G, L)
        n = len(right)
        if shared is None or not paired:
            shared = rng.multinomial(n, np.full(n, 1 / n), size=replicates) / n
        even = np.full((1, n), 1 / n)
        # A replicate may draw no item of a language whose groups are few and its own; it is then NaN.
        resampled = np.einsum("rg,sgl->rsl", drawn, right, optimize=True)
        with np.errstate(invalid="ignore"):
            resampled = (resampled / of[:, None]).mean(2)
        fixed = counts.means[counts.rows(cell)]
        found[0] += weights[cell] * (shared * resampled).sum(1)
        found[1] += weights[cell] * (shared @ fixed)
        found[2] += weights[cell] * (even * resampled).sum(1)
    value = sum(weights[cell] * counts.means[counts.rows(cell)].mean() for cell in cells)
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(found, [tail, 100 - tail], axis=1)
    ends = [(float(one), float(other)) for one, other in zip(low, high, strict=True)]
    return Resampled(float(value), *ends)


def _influence(
    counts: Counts, weights: Mapping[str, float], languages: Mapping[str, float] | None, pair: bool
) -> tuple[list[NDArray[np.float64]], float, bool]:
    """Influences of (seed, group) on the contrast: an array (S, G) of paired seeds, or one a cell; its value."""
    cells = [cell for cell, weight in weights.items() if weight]
    for cell in cells:
        if len(counts.rows(cell)) < 2:
            raise UserError(f"cell {cell!r} has one run: an interval over seeds needs two.")
    share = np.full(len(counts.languages), 1 / len(counts.languages))
    if languages is not None:
        share = np.array([languages.get(name, 0.0) for name in counts.languages])
    per_item = share / counts.of.sum(0)
    paired = pair and _share_seeds(counts, cells)
    scores: list[NDArray[np.float64]] = []
    value = 0.0
    for cell in cells:
        rows = counts.rows(cell)
        by_language = counts.by_language[rows].mean(0)
        value += weights[cell] * float(by_language @ share)
        # Row sums over groups are each run's deviation from the cell's mean.
        own = weights[cell] * ((counts.correct[rows] - by_language * counts.of) @ per_item)
        if paired and scores:
            scores[0] = scores[0] + own
        else:
            scores.append(own)
    return scores, value, paired


def _share_seeds(counts: Counts, cells: list[str]) -> bool:
    return all(counts.seeds(cell) == counts.seeds(cells[0]) for cell in cells)
