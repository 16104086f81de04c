"""Counts of a simulated study: a logistic model with seeds, items and languages whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit

from xltrobust.statistics.counts import Counts
from xltrobust.statistics.examples import Examples


def simulate(
    rng: np.random.Generator,
    effects: Mapping[str, float],
    *,
    seeds: int = 6,
    groups: int = 40,
    languages: int = 3,
    per_group: int = 1,
    run: float = 0.1,
    shared_seed: float = 0.0,
    item: float = 1.0,
    item_by_cell: float = 0.3,
) -> Counts:
    """Counts of cells with these effects and standard deviations (logits); languages are fixed."""
    cells = list(effects)
    shape = (len(cells), seeds, groups, languages)
    eta = np.array(list(effects.values()))[:, None, None, None] + np.linspace(0, 1, languages)
    eta = eta + rng.normal(0, shared_seed, (seeds, 1, 1)) + rng.normal(0, run, (len(cells), seeds, 1, 1))
    eta = eta + rng.normal(0, item, (groups, 1)) + rng.normal(0, item_by_cell, (len(cells), 1, groups, 1))
    eta = eta + rng.normal(0, 0.5, (groups, languages))
    correct = rng.binomial(per_group, expit(eta)).reshape(len(cells) * seeds, *shape[2:])
    runs = [(cell, seed) for cell in cells for seed in range(seeds)]
    names = [f"l{at}" for at in range(languages)]
    return Counts(runs, names, [f"g{at}" for at in range(groups)], correct, np.full(shape[2:], per_group))


def as_examples(counts: Mapping[str, Counts], factors: Mapping[str, Mapping[str, str]]) -> Examples:
    """The table that such counts, of one item a group, are of; by condition. Factors are by cell."""
    frames = []
    for condition, own in counts.items():
        run, group, language = np.indices(own.correct.shape).reshape(3, -1)
        cells = np.array([cell for cell, _ in own.runs])[run]
        frame = pd.DataFrame({"cell": cells, "seed": np.array([seed for _, seed in own.runs])[run]})
        for factor in next(iter(factors.values())):
            frame[factor] = [factors[cell][factor] for cell in cells]
        names = np.array(own.groups)[group]
        frame = frame.assign(language=np.array(own.languages)[language], item=names, group=names, condition=condition)
        frames.append(frame.assign(correct=own.correct.ravel(), queries=None))
    return Examples(pd.concat(frames, ignore_index=True), tuple(next(iter(factors.values()))), "en")
