"""Weighted generalised linear models with design-based covariance, and Wald tests of their terms."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import statsmodels.api as sm
from scipy import linalg, special, stats
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from analysis import replicates as replications
from analysis.design import FloatArray, checked_weights, chosen
from analysis.errors import LengthMismatch, NotConverged, Undefined
from analysis.estimates.moments import Estimate, Missing, Sample, degrees, prepared
from analysis.replicates import Replicates
from analysis.testing.quadratic import wald_form
from analysis.variance import covariance

SEPARATED = 1e-8  # least part of the information that a model keeps in any direction; rare answers leave more


class Family(StrEnum):
    """Distribution with its canonical link: identity, logit, log."""

    GAUSSIAN = "gaussian"
    BINOMIAL = "quasibinomial"
    POISSON = "quasipoisson"


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients with their covariance (in `estimate`) and residual degrees of freedom `df + 1 - p`."""

    estimate: Estimate
    df_residual: float

    @property
    def t(self) -> FloatArray:
        return np.asarray(self.estimate.values / self.estimate.se)

    @property
    def p(self) -> FloatArray:
        return np.asarray(2 * stats.t.sf(np.abs(self.t), self.df_residual))


@dataclass(frozen=True)
class WaldTest:
    F: float
    df: int
    ddf: float
    p: float


def glm(sample: Sample, y: FloatArray, x: FloatArray, family: Family) -> Fit:
    """Pseudo maximum likelihood fit of `y` float64[n] on the model matrix `x` float64[n, p] (with its constant).

    Rows with a missing value are left out; the covariance is the sandwich with the design's variance of the scores.
    Raises Undefined for dependent columns, an outcome that is constant or that the family cannot have; NegativeWeight
    (a row that counts against the others cannot be fitted); NotConverged, also for columns that separate the outcomes.
    Reference: Binder (1983); Lumley (2010) ch. 5-6.
    """
    if len(y) != len(x):
        raise LengthMismatch("y", len(x), len(y))
    used, both = prepared(sample, np.column_stack([y, x]), Missing.DROP)
    family = chosen(Family, family, "family")
    rows = checked_weights(used.domain_weights) > 0
    outcome, matrix = both[:, 0], both[:, 1:]
    if np.ptp(outcome[rows]) == 0:
        raise Undefined("a regression", "its outcome is constant")
    beta = fitted(outcome[rows], matrix[rows], used.domain_weights[rows], family)
    if isinstance(used, Replicates):
        each = [fitted(outcome, matrix, column, family) for column in used.domain_replicates.T]
        spread = replications.covariance(used, np.array(each), beta)
    else:
        mean, slope = _mean(matrix @ beta, family)
        information = (matrix * (used.domain_weights * slope)[:, None]).T @ matrix
        scores = matrix * (used.domain_weights * (outcome - mean))[:, None]
        spread = covariance(used, scores @ np.linalg.inv(information))
    df = degrees(used)
    return Fit(Estimate(beta, spread, df, int(rows.sum())), df + 1 - len(beta))


def wald(fit: Fit, places: list[int]) -> WaldTest:
    """F test that the coefficients at `places` are all zero."""
    beta, spread = fit.estimate.values[places], fit.estimate.covariance[np.ix_(places, places)]
    value = wald_form(beta, spread) / len(places)
    return WaldTest(value, len(places), fit.df_residual, float(stats.f.sf(value, len(places), fit.df_residual)))


def predicted(beta: FloatArray, x: FloatArray, family: Family) -> FloatArray:
    """Means float64[n] that coefficients give at the rows of a model matrix."""
    return _mean(x @ beta, family)[0]


def fitted(y: FloatArray, x: FloatArray, weights: FloatArray, family: Family) -> FloatArray:
    """Weighted maximum likelihood coefficients float64[p], without their covariance."""
    family = chosen(Family, family, "family")
    rows = checked_weights(weights) > 0
    _check_outcome(y[rows], family)
    if np.linalg.matrix_rank(x[rows]) < x.shape[1]:
        raise Undefined("a regression", "columns of the model depend on each other")
    scaled = weights[rows] / weights[rows].mean()
    if family is Family.GAUSSIAN:
        root = np.sqrt(scaled)
        return np.asarray(np.linalg.lstsq(x[rows] * root[:, None], y[rows] * root, rcond=None)[0])
    kind = sm.families.Binomial() if family is Family.BINOMIAL else sm.families.Poisson()
    model = sm.GLM(y[rows], x[rows], family=kind, freq_weights=scaled)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PerfectSeparationWarning)  # refused below
            result = model.fit(tol=1e-14, maxiter=200, tol_criterion="params")
    except (ValueError, np.linalg.LinAlgError):
        raise NotConverged("the regression", "a coefficient without a finite value", float("inf"), 200) from None
    beta = np.asarray(result.params, dtype=np.float64)
    mean, slope = _mean(x[rows] @ beta, family)
    score = x[rows].T @ (scaled * (y[rows] - mean))
    scale = np.abs(x[rows]).T @ (scaled * (np.abs(y[rows]) + np.abs(mean))) + 1e-300
    if not np.isfinite(beta).all() or np.max(np.abs(score) / scale) > 1e-8:
        worst = int(np.argmax(np.abs(score) / scale))
        raise NotConverged("the regression", f"the score of column {worst}", float(score[worst]), 200)
    if _least_information(x[rows], scaled, slope, y[rows], family) < SEPARATED:
        raise NotConverged("the regression", "a coefficient that separates the outcomes", float("inf"), 200)
    return beta


def _check_outcome(y: FloatArray, family: Family) -> None:
    if (family is Family.POISSON and (y < 0).any()) or (family is Family.BINOMIAL and ((y < 0) | (y > 1)).any()):
        raise Undefined(f"a {family} regression", "its outcome takes values that the family does not have")


def _least_information(x: FloatArray, weights: FloatArray, slope: FloatArray, y: FloatArray, family: Family) -> float:
    """The least weighted mean of the means' slopes in any direction of the columns (for counts: over the mean count);
    it vanishes when columns separate the outcomes, because the coefficients then grow without end."""
    whole, kept = (x * weights[:, None]).T @ x, (x * (weights * slope)[:, None]).T @ x
    least = float(linalg.eigh(kept, whole, eigvals_only=True)[0])
    scale = float(weights @ y / weights.sum()) if family is Family.POISSON else 1.0
    return least / scale if scale > 0 else 0.0


def _mean(eta: FloatArray, family: Family) -> tuple[FloatArray, FloatArray]:
    """Mean and its derivative by the linear predictor."""
    if family is Family.GAUSSIAN:
        return eta, np.ones_like(eta)
    if family is Family.POISSON:
        grown = np.exp(eta)
        return grown, grown
    share = np.asarray(special.expit(eta))
    return share, share * (1 - share)
