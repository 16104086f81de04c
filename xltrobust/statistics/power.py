"""What a test could have found: the difference it detects with a given power."""

from __future__ import annotations

from scipy import optimize, stats


def detectable_difference(error: float, df: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The least true difference that a two-sided t test finds with a given probability.

    A true difference ``d`` makes ``estimate / error`` noncentral t with noncentrality ``d / error``; solved for
    ``P(|t| > t(1 - alpha / 2, df)) = power``. It is roughly ``(t(1 - alpha / 2) + t(power)) · error`` (Bloom 1995,
    "Minimum detectable effects", Evaluation Review 19). The error is taken as estimated, so the figure varies with it:
    by some 20 % with 12 runs.

    Args:
        error: the estimate's standard error.
        df: degrees of freedom.
        alpha: the test's level; after Holm's correction over m tests the smallest p is held against ``0.05 / m``.
        power: the probability of finding it.

    Raises:
        ValueError: if an argument is outside its range.

    >>> round(detectable_difference(2.2 * (2 / 12) ** 0.5, 22), 1)  # two cells of 12 runs with a deviation of 2.2
    2.6
    """
    if error < 0 or df <= 0 or not 0 < alpha < power < 1:
        got = f"error={error}, df={df}, alpha={alpha}, power={power}"
        raise ValueError(f"Expected error >= 0, df > 0 and 0 < alpha < power < 1, but got {got}.")
    critical = float(stats.t.isf(alpha / 2, df))

    def missing(noncentrality: float) -> float:
        # t² is F with 1 and df degrees of freedom: scipy's noncentral F is the steadier of the two.
        return float(stats.ncf.sf(critical**2, 1, df, noncentrality**2)) - power

    above = critical
    while missing(above) <= 0:
        above *= 2
    return float(optimize.brentq(missing, 0.0, above)) * error
