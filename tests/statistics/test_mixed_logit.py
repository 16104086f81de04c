"""The mixed model against dense linear algebra, R's lme4, and simulated truth."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from statistics_simulated import simulate

from xltrobust.errors import UserError
from xltrobust.statistics.mixed_logit import MixedLogit, fit_mixed_logit
from xltrobust.statistics.study_model import fit_counts

CONTRAST = [0.5, 0.5, -0.5, -0.5]
EFFECTS = {"a": 0.5, "b": 0.5, "c": 0.2, "d": 0.2}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """4 cells × 5 seeds × 4 languages × 16 items, one answer each."""
    rng = np.random.default_rng(7)
    cell, seed, language, item = (axis.ravel() for axis in np.indices((4, 5, 4, 16)))
    run, both, arm = cell * 5 + seed, item * 4 + language, cell * 16 + item
    eta = 0.4 + 0.1 * cell + rng.normal(0, 0.4, 20)[run] + rng.normal(0, 1, 16)[item]
    eta = eta + rng.normal(0, 0.6, 64)[both] + rng.normal(0, 0.4, 64)[arm] + rng.normal(0, 0.5, 4)[language]
    right = rng.binomial(1, expit(eta))
    return pd.DataFrame(dict(right=right, cell=cell, run=run, language=language, item=item, both=both, arm=arm))


def fitted(rows: pd.DataFrame, terms: tuple[str, ...], nested: bool) -> MixedLogit:
    random = {name: rows[name].to_numpy() for name in terms}
    within = rows["item"].to_numpy() if nested else None
    return fit_mixed_logit(rows["right"], np.ones(len(rows)), rows["cell"].to_numpy(), random, nested_in=within)


TERMS = ("language", "run", "item", "both", "arm")


def test_elimination_by_blocks_changes_nothing(rows: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1, random_state=0)
    by_blocks, dense = fitted(rows, TERMS, nested=True), fitted(shuffled, TERMS, nested=False)
    np.testing.assert_allclose(by_blocks.fixed, dense.fixed, atol=1e-6)
    np.testing.assert_allclose(by_blocks.covariance, dense.covariance, rtol=1e-5)
    assert by_blocks.deviations == pytest.approx(dense.deviations, rel=1e-5) and by_blocks.converged
    ours, theirs = by_blocks.contrast(CONTRAST), dense.contrast(CONTRAST)
    assert (ours.value, ours.error, ours.df) == pytest.approx((theirs.value, theirs.error, theirs.df), rel=1e-4)


def test_the_covariance_is_the_inverse_hessians_and_the_degrees_of_freedom_are_by_its_derivatives(
    rows: pd.DataFrame,
) -> None:
    found = fitted(rows, ("run", "item", "both"), nested=True)
    indicators = [np.eye(rows[name].max() + 1)[rows[name]] for name in ("cell", "run", "item", "both")]
    x = np.concatenate(indicators, 1)

    def penalty(variances: np.ndarray) -> np.ndarray:
        sizes = [part.shape[1] for part in indicators]
        return np.repeat([0.0, *(1 / variances)], sizes)

    variances = np.array(list(found.deviations.values())) ** 2
    effects = np.zeros(x.shape[1])
    for _ in range(30):
        mean = expit(x @ effects)
        weight = mean * (1 - mean)
        hessian = (x.T * weight) @ x + np.diag(penalty(variances))
        effects += np.linalg.solve(hessian, x.T @ (rows["right"] - mean) - penalty(variances) * effects)
    inverse = np.linalg.inv(hessian)
    np.testing.assert_allclose(found.fixed, effects[:4], atol=1e-3)
    np.testing.assert_allclose(found.covariance, inverse[:4, :4], rtol=1e-3)
    z = x[:, 4:]
    marginal = np.diag(1 / weight) + (z / penalty(variances)[4:]) @ z.T
    p = np.linalg.inv(marginal)
    p -= p @ x[:, :4] @ np.linalg.solve(x[:, :4].T @ p @ x[:, :4], x[:, :4].T @ p)
    kernels = [p @ part @ part.T for part in indicators[1:]]
    information = np.array([[(one * other.T).sum() / 2 for other in kernels] for one in kernels])
    w = np.array([*CONTRAST])

    def variance(at: np.ndarray) -> float:
        return float(w @ np.linalg.inv(hessian + np.diag(penalty(at) - penalty(variances)))[:4, :4] @ w)

    steps = np.diag(variances * 1e-4)
    slope = np.array([(variance(variances + step) - variance(variances - step)) / (2 * step.max()) for step in steps])
    df = 2 * variance(variances) ** 2 / (slope @ np.linalg.solve(information, slope))
    assert found.contrast(CONTRAST).df == pytest.approx(df, rel=1e-2)


@pytest.mark.skipif(not shutil.which("Rscript"), reason="needs R with lme4 (Debian: r-cran-lme4)")
def test_lme4_finds_the_same(rows: pd.DataFrame, tmp_path: Path) -> None:
    counts = rows.groupby(["cell", "run", "item"], as_index=False)["right"].agg(["sum", "size"])
    counts.to_csv(tmp_path / "rows.csv", index=False)
    script = f"""
        suppressMessages(library(lme4)); d <- read.csv("{tmp_path}/rows.csv")
        m <- glmer(cbind(sum, size - sum) ~ 0 + factor(cell) + (1|run) + (1|item), d, binomial,
                   control = glmerControl(calc.derivs = FALSE))
        w <- c(.5, .5, -.5, -.5); v <- as.data.frame(VarCorr(m)); s <- setNames(v$sdcor, v$grp)
        cat(fixef(m), s["run"], s["item"], sqrt(t(w) %*% as.matrix(vcov(m)) %*% w))
    """
    ran = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True)
    if "there is no package" in ran.stderr:
        pytest.skip("lme4 is not installed")
    reference = np.array(ran.stdout.split(), dtype=float)
    random = {name: counts[name].to_numpy() for name in ("run", "item")}
    found = fit_mixed_logit(counts["sum"], counts["size"], counts["cell"].to_numpy(), random, nested_in=random["item"])
    np.testing.assert_allclose(found.fixed, reference[:4], atol=0.02)
    # lme4 maximises the likelihood, which loses four degrees of freedom of the 20 runs, and one of the 16 items.
    restricted = reference[4:] * [(20 / 16) ** 0.5, (16 / 15) ** 0.5, (20 / 16) ** 0.5]
    assert [*found.deviations.values(), found.contrast(CONTRAST).error] == pytest.approx(list(restricted), rel=0.05)


def test_contrasts_cover_the_truth_where_the_null_holds() -> None:
    rng = np.random.default_rng(1)
    hits = [
        (found := fit_counts({"clean": simulate(rng, dict.fromkeys("abcd", 0.4), seeds=5, groups=20)})).contrast(
            dict(zip("abcd", CONTRAST, strict=True)), "clean"
        )
        for _ in range(30)
    ]
    assert found.fit.converged
    assert np.mean([hit.low <= 0 <= hit.high for hit in hits]) > 0.87
    assert np.mean([hit.error for hit in hits]) == pytest.approx(np.std([hit.value for hit in hits]), rel=0.4)


def test_a_study_of_several_conditions() -> None:
    rng = np.random.default_rng(2)
    harmed = {"a": 0.5, "b": 0.5, "c": -0.9, "d": -0.9}
    clean, attacked = (  # of the same seeds and items
        simulate(np.random.default_rng(2), effects, seeds=8, run=0.05, item_by_cell=0.1)
        for effects in (EFFECTS, harmed)
    )
    model = fit_counts({"clean": clean, "worst": attacked})
    weights = dict(zip("abcd", CONTRAST, strict=True))
    assert {"run", "cell:item", "item:condition", "item:language"} <= set(model.fit.deviations)
    here, there, more = (
        model.contrast(weights, "clean"), model.contrast(weights, "worst"), model.contrast(weights, "worst", "clean"),
    )  # fmt: skip
    assert more.value == pytest.approx(there.value - here.value) and there.low > 0.9 and more.low > 0.5
    assert here.low < 0.3 < here.high and there.low < 1.4 < there.high
    with pytest.raises(UserError, match="worst and clean are of different runs"):
        fit_counts({"clean": clean, "worst": attacked.only(["a", "b"])})
    with pytest.raises(UserError, match="cell 'a' has one run"):
        fit_counts({"clean": simulate(rng, EFFECTS, seeds=1)})
