"""Whether the study's intervals hold what they say: coverage, false positives and power on simulated studies.

    python benchmarks/interval_coverage.py intervals|correction|model|peers|time [--studies 500]

Every study is a logistic model with effects of cells, languages, runs, items, items by language and items by cell
(standard deviations in logits: 0.5, 0.1 a run, 1.0, 0.5, 0.3, unless a row says otherwise); languages are the same in
all studies of a row. The contrast is (a + b - c - d) / 2 of four cells, its truth 0 unless said. Printed are the
coverage of 95 % intervals, the mean width, and how the mean standard error compares with the spread of the estimates.

- ``intervals``: variance components (what contrasts report), the pigeonhole bootstrap, the sum in quadrature of the
  item bootstrap and the seeds' Student t, and the seeds' part alone.
- ``correction``: how often any of four true zeros is starred with Holm's correction, and how often a true difference of
  the size called detectable is found.
- ``model``: the mixed model, where languages differ in effect by cell (0.1), drawn anew in every study.
- ``peers``: the same studies by statsmodels' Bayesian mixed model (variational, and the mode) and by R's lme4, if it is
  installed.
- ``time``: the whole model on 96 runs × 11 languages × 200 items, of one and of seven conditions.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit

from xltrobust.statistics.counts import Counts
from xltrobust.statistics.crossed import crossed_contrast, pigeonhole_bootstrap
from xltrobust.statistics.mixed_logit import fit_mixed_logit
from xltrobust.statistics.power import detectable_difference
from xltrobust.statistics.run_means import holm
from xltrobust.statistics.study_model import fit_counts

CELLS = "abcd"
WEIGHTS = dict(zip(CELLS, (0.5, 0.5, -0.5, -0.5), strict=True))
FOUR = [
    WEIGHTS,
    {"a": 0.5, "b": -0.5, "c": 0.5, "d": -0.5},
    {"a": 1.0, "b": -1.0, "c": -1.0, "d": 1.0},
    {"a": 1.0, "b": -1.0},
]  # fmt: skip
BASE = dict(seeds=12, groups=200, languages=11, per_group=1, run=0.1, seed=0.0, item_cell=0.3, language_cell=0.0)


def simulate(rng: np.random.Generator, effects=(0.0, 0.0, 0.0, 0.0), **given: float) -> Counts:
    """Counts of one study."""
    at = BASE | given
    seeds, groups, languages = int(at["seeds"]), int(at["groups"]), int(at["languages"])
    shape = (len(effects), seeds, groups, languages)
    eta = 0.5 + np.array(effects)[:, None, None, None] + np.linspace(-0.75, 0.75, languages)
    eta = eta + rng.normal(0, at["seed"], (seeds, 1, 1)) + rng.normal(0, at["run"], (*shape[:2], 1, 1))
    eta = eta + rng.normal(0, 1.0, (groups, 1)) + rng.normal(0, 0.5, (groups, languages))
    eta = eta + rng.normal(0, at["item_cell"], (shape[0], 1, groups, 1))
    eta = eta + rng.normal(0, at["language_cell"], (shape[0], 1, 1, languages))
    right = rng.binomial(int(at["per_group"]), expit(eta)).reshape(-1, groups, languages)
    runs = [(cell, seed) for cell in CELLS[: shape[0]] for seed in range(seeds)]
    names = [f"l{n}" for n in range(languages)], [f"g{n}" for n in range(groups)]
    return Counts(runs, *names, right, np.full(right.shape[1:], int(at["per_group"])))


SETTINGS = {
    "12 seeds, 200 items": {}, "6 seeds": {"seeds": 6}, "3 seeds": {"seeds": 3},
    "12 seeds, 20 templates of 10": {"groups": 20, "per_group": 10}, "runs all but alike": {"run": 0.02},
    "no items by cell": {"item_cell": 0.0}, "seeds shared by cells (0.2)": {"seed": 0.2},
}  # fmt: skip


def intervals(studies: int) -> None:
    print("| setting | components | pigeonhole | quadrature | seeds alone | error / spread |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, setting in SETTINGS.items():
        rng = np.random.default_rng(0)
        rows = []
        for study in range(studies):
            counts = simulate(rng, **setting)
            parts = crossed_contrast(counts, WEIGHTS)
            drawn = pigeonhole_bootstrap(counts, WEIGHTS, replicates=500, seed=study)
            both = np.hypot(parts.seeds.margin, (drawn.items[1] - drawn.items[0]) / 2)
            value, half = parts.total.value, (drawn.both[1] - drawn.both[0]) / 2
            covered = drawn.both[0] <= 0 <= drawn.both[1]
            rows.append((value, parts.total.error, parts.total.margin, half, both, parts.seeds.margin, covered))
        value, error, own, half, both, seeds, covered = np.array(rows).T
        shown = [
            f"{100 * hit:.1f} ({200 * width.mean():.1f})"
            for hit, width in (
                ((abs(value) <= own).mean(), own), (covered.mean(), half), ((abs(value) <= both).mean(), both),
                ((abs(value) <= seeds).mean(), seeds),
            )
        ]  # fmt: skip
        print(f"| {name} | {' | '.join(shown)} | {np.sqrt((error**2).mean()) / value.std():.2f} |", flush=True)


def correction(studies: int) -> None:
    print("| setting | any of four zeros starred | a detectable difference found |")
    print("|---|---:|---:|")
    for name in ("12 seeds, 200 items", "6 seeds", "3 seeds"):
        rng = np.random.default_rng(1)
        stars, needed, spread = [], [], []
        for _ in range(studies):
            counts = simulate(rng, **SETTINGS[name])
            found = [crossed_contrast(counts, weights).total for weights in FOUR]
            stars.append(min(holm([each.p for each in found])) < 0.05)
            needed.append(detectable_difference(found[0].error, found[0].df, alpha=0.0125))
            spread.append(found[0])
        power = np.mean([(own.value + np.mean(needed)) / own.error > _critical(own.df) for own in spread])
        print(f"| {name} | {100 * np.mean(stars):.1f} | {100 * power:.0f} |", flush=True)


def _critical(df: float) -> float:
    from scipy import stats

    return float(stats.t.isf(0.0125 / 2, df))


def model(studies: int) -> None:
    print("| setting | coverage | error / spread | mean estimate of 0.3 | degrees of freedom | seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    small = {"seeds": 6, "groups": 60, "languages": 5, "language_cell": 0.1}
    settings = {
        "6 seeds, 60 items, 5 languages": small, "12 seeds": small | {"seeds": 12}, "20 items": small | {"groups": 20},
        "no items by cell, runs alike": small | {"item_cell": 0.0, "run": 0.0},
    }  # fmt: skip
    for name, setting in settings.items():
        rng = np.random.default_rng(2)
        began = time.perf_counter()
        found = [
            fit_counts({"": simulate(rng, (0.15, 0.15, -0.15, -0.15), **setting)}).contrast(WEIGHTS, "")
            for _ in range(studies)
        ]
        seconds = (time.perf_counter() - began) / studies
        value, error = np.array([(own.value, own.error) for own in found]).T
        covered = np.mean([own.low <= 0.3 <= own.high for own in found])
        print(
            f"| {name} | {100 * covered:.1f} | {np.sqrt((error**2).mean()) / value.std():.2f} | {value.mean():.3f} | "
            f"{np.median([own.df for own in found]):.0f} | {seconds:.2f} |",
            flush=True,
        )


def peers(studies: int) -> None:
    setting = {"seeds": 6, "groups": 60, "languages": 5, "language_cell": 0.1}
    found: dict[str, list[tuple[float, float, float]]] = {}
    rng = np.random.default_rng(3)
    fits = {"ours": _ours, "statsmodels, variational": _variational, "statsmodels, mode": _mode}
    if shutil.which("Rscript"):
        fits["lme4 (Laplace, maximum likelihood)"] = _lme4
    for _ in range(studies):
        table = _rows(simulate(rng, (0.15, 0.15, -0.15, -0.15), **setting))
        for name, fit in fits.items():
            began = time.perf_counter()
            value, error = fit(table)
            found.setdefault(name, []).append((value, error, time.perf_counter() - began))
    print("| fit | mean estimate of 0.3 | spread | error / spread | within 1.96 errors | seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, rows in found.items():
        value, error, seconds = np.array(rows).T
        covered = 100 * (abs(value - 0.3) <= 1.96 * error).mean()
        ratio = np.sqrt((error**2).mean()) / value.std()
        shown = f"{value.mean():.3f} | {value.std():.3f} | {ratio:.2f} | {covered:.0f} | {seconds.mean():.2f}"
        print(f"| {name} | {shown} |", flush=True)


TERMS = ("language", "cell_language", "run", "item", "item_language", "cell_item")


def _rows(counts: Counts) -> pd.DataFrame:
    run, item, language = np.indices(counts.correct.shape).reshape(3, -1)
    seeds = len(counts.seeds("a"))
    languages, items = len(counts.languages), len(counts.groups)
    cell = run // seeds
    columns = {"right": counts.correct.ravel(), "cell": cell, "language": language, "run": run, "item": item}
    both = {"cell_language": cell * languages + language, "cell_item": cell * items + item}
    return pd.DataFrame({**columns, **both, "item_language": item * languages + language})


def _ours(table: pd.DataFrame) -> tuple[float, float]:
    random = {name: table[name].to_numpy() for name in TERMS}
    ones = np.ones(len(table))
    fitted = fit_mixed_logit(table["right"], ones, table["cell"].to_numpy(), random, nested_in=random["item"])
    found = fitted.contrast(list(WEIGHTS.values()))
    return found.value, found.error


def _statsmodels(table: pd.DataFrame):
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    parts = [
        sparse.csr_matrix((np.ones(len(table)), (np.arange(len(table)), table[name].to_numpy()))) for name in TERMS
    ]
    ident = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    cells = np.eye(len(CELLS))[table["cell"]]
    return BinomialBayesMixedGLM(table["right"].to_numpy(), cells, sparse.hstack(parts).tocsr(), ident, vcp_p=2, fe_p=2)


def _variational(table: pd.DataFrame) -> tuple[float, float]:
    w = np.array(list(WEIGHTS.values()))
    fitted = _statsmodels(table).fit_vb()
    return float(w @ fitted.fe_mean), float(np.sqrt(w**2 @ fitted.fe_sd**2))


def _mode(table: pd.DataFrame) -> tuple[float, float]:
    w = np.array(list(WEIGHTS.values()))
    fitted = _statsmodels(table).fit_map()
    covariance = np.asarray(fitted.cov_params())[: len(w), : len(w)]
    return float(w @ fitted.fe_mean), float(np.sqrt(max(w @ covariance @ w, 0)))


def _lme4(table: pd.DataFrame) -> tuple[float, float]:
    terms = " + ".join(f"(1|{name})" for name in TERMS)
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / "rows.csv", index=False)
        script = f"""
            suppressMessages(library(lme4)); d <- read.csv("{folder}/rows.csv")
            m <- glmer(right ~ 0 + factor(cell) + {terms}, d, binomial, control = glmerControl(calc.derivs = FALSE))
            w <- c(.5, .5, -.5, -.5); cat(sum(w * fixef(m)), sqrt(t(w) %*% as.matrix(vcov(m)) %*% w))
        """
        ran = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    value, error = map(float, ran.stdout.split())
    return value, error


def timed(_: int) -> None:
    print("| rows | conditions | updates | processor seconds | seconds on the clock |")
    print("|---:|---:|---:|---:|---:|")
    global CELLS  # eight cells here
    CELLS = "abcdefgh"
    for conditions in (1, 7):
        rng = np.random.default_rng(4)
        counts = {f"c{at}": simulate(rng, [0.0] * 8, language_cell=0.1) for at in range(conditions)}
        began, on_clock = time.process_time(), time.perf_counter()
        fitted = fit_counts(counts).fit
        rows = sum(own.correct.size for own in counts.values())
        print(
            f"| {rows:,} | {conditions} | {fitted.iterations} | {time.process_time() - began:.0f} | "
            f"{time.perf_counter() - on_clock:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"intervals": intervals, "correction": correction, "model": model, "peers": peers, "time": timed}
    parser.add_argument("part", choices=list(parts))
    parser.add_argument("--studies", type=int, default=500)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    parts[given.part](given.studies)


if __name__ == "__main__":
    main()
