"""A logistic mixed model with crossed random effects, for millions of answers.

    logit P(right) = x' β + Σ_k u_k[level of the row in term k],   u_k ~ N(0, σ²_k I)

**Fitting.** Penalised quasi-likelihood with REML: β and all u jointly at their mode by Newton steps (penalised
iteratively reweighted least squares), the variances by Fisher scoring of the restricted likelihood of the working
response (Breslow & Clayton 1993, "Approximate inference in generalized linear mixed models", JASA 88; Schall 1991,
Biometrika 78). With the mode, this is the first-order Laplace approximation with the weights' dependence on the
variances left out. It shrinks variances where a level has few answers (Breslow & Lin 1995, Biometrika 82); in a study a
run, a language or an item has hundreds. The fixed effects are integrated out with the others, so the variance of few
runs is not underestimated as it is by maximum likelihood.

**Inference.** The covariance of β is its block of the inverse joint Hessian, given the variances. Contrasts use
Student's t with Satterthwaite's degrees of freedom ``2 V² / (g' I⁻¹ g)``: V the contrast's variance, g its derivatives
by the variances, I their expected information (Kuznetsova et al. 2017, "lmerTest", J. Statistical Software 82).

**Speed.** Rows matter only through sums of weights by pairs of levels. Terms that are nested in one grouping (an item,
an item in a language) give a corner of the Hessian with one block an item, which is eliminated first (Schur
complement); what remains is dense and has some hundred rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from scipy.special import expit

from xltrobust.statistics.blocks import Blocks, Effects, Hessian
from xltrobust.statistics.run_means import Estimate

_SMALLEST = 1e-7  # variances below count as none
_STEP = 1.5  # of a variance's logarithm, at most, in one update
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class MixedLogit:
    """A fitted model.

    Args:
        fixed: the fixed effects β, shape (P,), on the logit scale.
        covariance: of β, shape (P, P).
        deviations: the standard deviation of each random term, by name, on the logit scale; 0 where none was found.
        iterations: updates of the variances that were made.
        converged: whether these, and the effects, had settled.
    """

    fixed: Vector
    covariance: NDArray[np.float64]
    deviations: dict[str, float]
    iterations: int
    converged: bool
    _slopes: NDArray[np.float64]  # (K, P, P): derivatives of the covariance by the variances
    _information: NDArray[np.float64]  # (K, K) of the variances

    def contrast(self, weights: ArrayLike, level: float = 0.95) -> Estimate:
        """A weighted sum of fixed effects, on the logit scale.

        Args:
            weights: shape (P,).
            level: of the interval.
        """
        w = np.asarray(weights, dtype=float)
        variance = float(w @ self.covariance @ w)
        slopes = np.einsum("p,kpq,q->k", w, self._slopes, w)
        df = 1e6
        if len(slopes) and slopes.any():
            spread = float(slopes @ linalg.pinvh(self._information) @ slopes)
            df = 2 * variance**2 / spread if spread > 0 else df
        return Estimate(float(w @ self.fixed), variance**0.5, min(max(df, 1.0), 1e6), level)


def fit_mixed_logit(
    right: ArrayLike,
    of: ArrayLike,
    fixed: ArrayLike,
    random: Mapping[str, ArrayLike],
    *,
    design: ArrayLike | None = None,
    nested_in: ArrayLike | None = None,
    iterations: int = 60,
    tolerance: float = 1e-3,
) -> MixedLogit:
    """Fits the model to counts.

    Args:
        right: shape (N,), right answers of each row.
        of: shape (N,), answers of each row.
        fixed: shape (N,), integers: each row's combination of the fixed factors, from 0.
        random: integers of shape (N,) from 0 by the term's name: each row's level.
        design: shape (combinations, P): what each combination means; by default each has a mean of its own.
        nested_in: integers of shape (N,), the largest grouping of rows (the item); random terms whose levels each lie
            within one of its groups are eliminated by blocks. Without it all terms are dense.
        iterations: updates of the variances at most.
        tolerance: relative change of standard deviations, and of the contrast's scale, at which they have settled.

    Raises:
        ValueError: if arrays differ in length, counts are impossible, or all answers of a combination are right or all
            wrong, so that its mean is infinite.
    """
    k, n = np.asarray(right, dtype=float), np.asarray(of, dtype=float)
    if len(k) != len(n) or not len(k) or (k < 0).any() or (k > n).any():
        raise ValueError(f"Expected arguments `right` and `of` to be counts of one length, but got {len(k)}, {len(n)}.")
    shares = np.bincount(np.asarray(fixed), k) / np.bincount(np.asarray(fixed), n)
    if len(infinite := np.flatnonzero((shares == 0) | (shares == 1))):
        raise ValueError(f"Expected right and wrong answers in each combination, but got none in {infinite.tolist()}.")
    blocks = Blocks(np.asarray(fixed), {name: np.asarray(code) for name, code in random.items()}, design, nested_in)
    variances = np.full(len(random), 0.1)
    effects = blocks.zeros()
    rate = np.clip(k.sum() / n.sum(), 0.01, 0.99)
    effects = blocks.start(effects, float(np.log(rate / (1 - rate))))
    converged = False
    done = 0
    for done in range(1, iterations + 1):  # noqa: B007
        effects, hessian = _mode(effects, variances, k, n, settled=0.1 if done < 3 else 0.01)
        updated = _scored(hessian, effects, variances, plain=done <= 2)
        change = np.abs(np.sqrt(updated) - np.sqrt(variances)) / (np.sqrt(variances) + 1e-2)
        variances = updated
        if not len(change) or change.max() < tolerance:
            converged = True
            break
    effects, hessian = _mode(effects, variances, k, n, settled=1e-3)
    there = [at for at, variance in enumerate(variances) if variance > _SMALLEST]
    return MixedLogit(
        effects.fixed,
        hessian.covariance,
        {name: float(np.sqrt(variances[at])) if at in there else 0.0 for at, name in enumerate(random)},
        done,
        converged,
        hessian.slopes(variances)[there],
        hessian.information(variances)[np.ix_(there, there)],
    )


def _mode(
    effects: Effects, variances: Vector, right: Vector, of: Vector, settled: float, steps: int = 25
) -> tuple[Effects, Hessian]:
    """Newton steps to the joint mode of β and u; halved where a step makes the penalised likelihood worse.

    The Hessian is that of the last step's start, which is at most ``settled`` (logits) away.
    """
    blocks = effects.blocks
    eta = blocks.predict(effects)
    value = _penalised(effects, eta, variances, right, of)
    while True:
        mean = expit(eta)
        hessian = blocks.hessian(of * mean * (1 - mean), variances)
        step = hessian.solve(blocks.gradient(right - of * mean, effects, variances))
        size = 1.0
        while True:
            tried = effects.plus(step, size)
            eta = blocks.predict(tried)
            reached = _penalised(tried, eta, variances, right, of)
            if reached >= value - 1e-9 * abs(value) or size < 1e-3:
                break
            size /= 2
        effects, value = tried, reached
        steps -= 1
        if step.largest < settled or not steps:
            return effects, hessian


def _penalised(effects: Effects, eta: Vector, variances: Vector, right: Vector, of: Vector) -> float:
    return float(right @ eta - of @ np.logaddexp(0, eta)) - effects.penalty(variances) / 2


def _scored(hessian: Hessian, effects: Effects, variances: Vector, plain: bool) -> Vector:
    """Updated variances: one step of Fisher scoring on their logarithms, or of Schall's fixed point at first."""
    squares = effects.squares()
    free = np.maximum(hessian.levels - hessian.traces() / variances, 1e-8)  # effective degrees of freedom of each term
    fixed_point = np.maximum(squares / free, _SMALLEST / 10)
    if plain:
        return np.clip(fixed_point, variances * np.exp(-2 * _STEP), variances * np.exp(2 * _STEP))
    score = (squares / variances - free) / 2  # by log σ²
    information = hessian.information(variances) * np.outer(variances, variances)
    used = variances > _SMALLEST
    step = np.zeros_like(variances)
    if used.any():
        block = information[np.ix_(used, used)]
        step[used] = np.linalg.solve(block + 1e-9 * np.diag(np.diag(block)) + 1e-10 * np.eye(used.sum()), score[used])
    return np.maximum(variances * np.exp(np.clip(step, -_STEP, _STEP)), _SMALLEST / 10)
