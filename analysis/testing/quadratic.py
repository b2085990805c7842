"""Upper tails of weighted sums of chi-squared variables over a chi-squared denominator."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from analysis.design import FloatArray
from analysis.errors import Undefined


def wald_form(values: FloatArray, covariance: FloatArray) -> float:
    """The Wald statistic `b' V^-1 b`. Raises Undefined when the covariance is singular (more contrasts than degrees of
    freedom, or an estimate without variance)."""
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(values):
        raise Undefined("a Wald test", "the covariance of its estimates is singular")
    return float(values @ np.linalg.solve(covariance, values))


def satterthwaite_tail(statistic: float, weights: FloatArray, df: float) -> float:
    """P(sum a_i chi2_1 > x), the sum matched to one scaled chi-squared with the same mean and variance, over a
    denominator with `df` degrees of freedom. Reference: Satterthwaite (1946); Rao and Scott (1984)."""
    average = float(weights.mean())
    shape = float((weights**2).mean()) / average**2
    numerator = len(weights) / shape
    return float(stats.f.sf(statistic / numerator / (average * shape), numerator, df))


def saddlepoint_tail(statistic: float, weights: FloatArray, df: float) -> float:
    """The same tail by the Lugannani-Rice type saddlepoint formula; Satterthwaite's near the mean, where it has a
    singularity. The denominator's degrees of freedom count as a whole number.
    Reference: Kuonen (1999), Saddlepoint approximations for distributions of quadratic forms, Biometrika 86."""
    terms = np.concatenate([weights, np.full(int(df), -statistic / df)])
    terms = terms / terms.max()
    low = float((1 / (2 * terms[terms < 0])).max()) * 0.99999
    high = float((1 / (2 * terms[terms > 0])).min()) * 0.99999

    def slope(zeta: float) -> float:
        return float((terms / (1 - 2 * zeta * terms)).sum())

    zeta = float(optimize.brentq(slope, low, high, xtol=1e-13))
    if abs(zeta) < 1e-4:
        return satterthwaite_tail(statistic, weights, df)
    cumulant = -float(np.log(1 - 2 * zeta * terms).sum()) / 2
    curvature = 2 * float((terms**2 / (1 - 2 * zeta * terms) ** 2).sum())
    w = np.sign(zeta) * np.sqrt(-2 * cumulant)
    v = zeta * np.sqrt(curvature)
    return float(stats.norm.sf(w + np.log(v / w) / w))
