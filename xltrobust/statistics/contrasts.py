"""The contrasts of a study: mechanism, granularity, their interaction, the best cell; with all that a report prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xltrobust.errors import UserError
from xltrobust.statistics.counts import Counts, count_examples
from xltrobust.statistics.crossed import crossed_contrast
from xltrobust.statistics.examples import Examples
from xltrobust.statistics.factorial import Factorial
from xltrobust.statistics.power import detectable_difference
from xltrobust.statistics.run_means import Estimate, hc3, holm, paired, welch
from xltrobust.statistics.study_model import fit_counts

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Contrast:
    """A contrast under one condition. Differences are of accuracies, as fractions of 1.

    Args:
        name: what is compared.
        condition: clean, an attack or ``worst``.
        weights: by cell.
        interval: the estimate over other seeds and other items (:mod:`~xltrobust.statistics.crossed`). Its p is the
            contrast's own.
        seeds: one part of the interval: other seeds on these items.
        items: the other part: other items with these runs.
        adjusted: p after Holm's correction over the family.
        detectable: the true difference that would have been found four times in five at Holm's strictest level, 0.05
            divided by the family's size.
        by_runs: the same contrast on run means alone, by ``welch``, ``hc3`` and, where the cells share seeds,
            ``paired``: other seeds, on these items.
        model: the same contrast of the logistic mixed model, in log odds, over other seeds, items and languages; None
            if it was not asked for.
        model_adjusted: its p after Holm's correction over the family.
        runs: the number of runs of its cells.
        items_left_out: items that some run lacks.
        differs: what the arms differ in besides, as the caller says it.
        family: how many contrasts Holm's correction is over.
    """

    name: str
    condition: str
    weights: dict[str, float]
    interval: Estimate
    seeds: Estimate
    items: Estimate
    adjusted: float
    detectable: float
    by_runs: dict[str, Estimate]
    model: Estimate | None
    model_adjusted: float | None
    runs: int
    items_left_out: int
    differs: str
    family: int

    @property
    def value(self) -> float:
        return self.interval.value

    @property
    def p(self) -> float:
        return self.interval.p

    @property
    def star(self) -> bool:
        """Whether the adjusted p is below 0.05."""
        return self.adjusted < 0.05


def primary_contrasts(
    examples: Examples,
    condition: str,
    *,
    best: str,
    baseline: str,
    design: Factorial | None = None,
    differs: Mapping[str, str] | None = None,
    model: bool = True,
    pair: bool = True,
) -> list[Contrast]:
    """The four primary contrasts of the study under one condition, with Holm's correction over them.

    Args:
        examples: of all cells.
        condition: clean, an attack, or ``worst``.
        best: the best cell, chosen on other languages than the tested ones.
        baseline: the plain cell that the best is compared with.
        design: which cells make the two-by-two.
        differs: what the arms of a contrast differ in besides, by the contrast's name; passed through.
        model: as :func:`compare` takes it.
        pair: likewise.

    Raises:
        UserError: as :meth:`Factorial.weights` and :func:`compare` do.
    """
    named = (design or Factorial()).weights(examples.cells)
    for cell in (best, baseline):
        if cell not in examples.cells.index:
            raise UserError(f"no cell {cell!r} in the study; there are {', '.join(examples.cells.index)}.")
    named[f"{best} - {baseline}"] = {best: 1.0, baseline: -1.0}
    return compare(examples, condition, named, differs=differs, model=model, pair=pair)


def compare(
    examples: Examples,
    condition: str,
    named: Mapping[str, Weights],
    *,
    differs: Mapping[str, str] | None = None,
    model: bool = True,
    pair: bool = True,
) -> list[Contrast]:
    """A family of contrasts under one condition, with Holm's correction over them.

    All are over the items that all of the family's runs have, in all target languages with equal weight.

    Args:
        examples: of all cells.
        condition: clean, an attack, or ``worst``.
        named: weights by cell, by the contrast's name.
        differs: what the arms of a contrast differ in besides, by the contrast's name; passed through.
        model: fit the logistic mixed model, too.
        pair: pair runs by seed where all cells of a contrast have the same seeds.

    Raises:
        UserError: if there is no such condition or cell, or a cell has one run.
    """
    cells = list(dict.fromkeys(cell for weights in named.values() for cell, weight in weights.items() if weight))
    counts = count_examples(examples, condition, cells)
    fitted = fit_counts({condition: counts}) if model else None
    strictest = 0.05 / max(1, len(named))
    found: list[Contrast] = []
    for name, weights in named.items():
        parts = crossed_contrast(counts, weights, pair=pair)
        found.append(
            Contrast(
                name, condition, dict(weights), parts.total, parts.seeds, parts.items, 1.0,
                detectable_difference(parts.total.error, parts.total.df, alpha=strictest),
                _on_run_means(counts, weights),
                fitted.contrast(weights, condition) if fitted else None, None,
                sum(len(counts.rows(cell)) for cell, weight in weights.items() if weight),
                counts.left_out, (differs or {}).get(name, ""), len(named),
            )
        )  # fmt: skip
    adjusted = holm([each.p for each in found])
    by_model = holm([each.model.p for each in found if each.model]) if fitted else [None] * len(found)
    return [
        replace(each, adjusted=own, model_adjusted=other)
        for each, own, other in zip(found, adjusted, by_model, strict=True)
    ]


def _on_run_means(counts: Counts, weights: Weights) -> dict[str, Estimate]:
    by_cell = {cell: counts.means[counts.rows(cell)] for cell in counts.cells}
    found = {
        "welch": welch({cell: weight for cell, weight in weights.items() if weight}, by_cell),
        "hc3": hc3(weights, by_cell),
    }
    used = [cell for cell, weight in weights.items() if weight]
    if all(counts.seeds(cell) == counts.seeds(used[0]) for cell in used):
        by_seed = {cell: dict(zip(counts.seeds(cell), by_cell[cell].tolist(), strict=True)) for cell in used}
        found["paired"] = paired(weights, by_seed)
    return found
