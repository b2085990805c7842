"""Comparisons of groups: design-based t tests and rank tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from analysis.design import FloatArray, IntArray, checked_weights, chosen
from analysis.errors import OptionInvalid, Undefined
from analysis.estimates.moments import Missing, Sample, degrees, mean, narrowed, prepared
from analysis.testing.regression import Family, glm, wald

ROUNDING = 1e-12  # of the largest value: a standard error that arithmetic alone leaves


class Score(StrEnum):
    """What a rank test averages: mid-ranks (Wilcoxon, Kruskal-Wallis), normal scores, above the median or not."""

    WILCOXON = "wilcoxon"
    KRUSKAL_WALLIS = "KruskalWallis"
    VAN_DER_WAERDEN = "vanderWaerden"
    MEDIAN = "median"


@dataclass(frozen=True)
class GroupTest:
    """Statistic (t for two groups, chi-squared for more), its degrees of freedom, p and the estimated difference."""

    statistic: float
    df: float
    p: float
    estimate: float | None
    numerator_df: int = 1


def t_test(sample: Sample, y: FloatArray, groups: IntArray) -> GroupTest:
    """Design-based two-sample t test of `mean(group 1) - mean(group 0)`; `groups` int64[n] in {0, 1}, -1 left out.
    df is the design's less one. Raises OptionInvalid, Undefined without variance or df.
    Reference: Lumley (2010) 2.4; Korn and Graubard (1999) 3."""
    if groups.max(initial=-1) > 1:
        raise OptionInvalid("groups", int(groups.max()) + 1, "2 for a t test")
    kept = narrowed(sample, groups >= 0)
    x = np.column_stack([np.ones(len(y)), (groups == 1).astype(np.float64)])
    fit = glm(kept, y, x, Family.GAUSSIAN)
    _check_error(float(fit.estimate.se[1]), fit.df_residual, y[np.isfinite(y)])
    return GroupTest(float(fit.t[1]), fit.df_residual, float(fit.p[1]), float(fit.estimate.values[1]))


def one_sample_t_test(sample: Sample, y: FloatArray) -> GroupTest:
    """Design-based test that a mean is zero, with the design's degrees of freedom less one. Raises Undefined without
    variance or df."""
    found = mean(sample, y, missing=Missing.DROP)
    _check_error(float(found.se[0]), found.df - 1, y[np.isfinite(y)])
    value, df = float(found.values[0] / found.se[0]), found.df - 1
    return GroupTest(value, df, float(2 * stats.t.sf(abs(value), df)), float(found.values[0]))


def rank_test(sample: Sample, y: FloatArray, groups: IntArray, score: Score) -> GroupTest:
    """Design-based rank test that a variable's distribution is the same in all groups (codes 0..G-1, -1 left out).

    Scores are functions of the weighted mid-ranks over the sum of weights; two groups give a t statistic with
    df - 1, more a chi-squared with G - 1 referred to F(G - 1, df - G + 1).
    Reference: Lumley and Scott (2013), Two-sample rank tests under complex sampling, Biometrika 100.
    """
    score = chosen(Score, score, "score")
    used, both = prepared(narrowed(sample, groups >= 0), y, Missing.DROP)
    rows = checked_weights(used.domain_weights) > 0
    scores = np.zeros(len(y))
    scores[rows] = _scores(both[rows, 0], used.domain_weights[rows], score)
    count = int(groups[rows].max(initial=-1)) + 1
    if count < 2:
        raise Undefined("a rank test", "there is only one group")
    x = np.column_stack([np.ones(len(y))] + [(groups == g).astype(np.float64) for g in range(1, count)])
    fit = glm(used, scores, x, Family.GAUSSIAN)
    df = degrees(used)
    if count == 2:
        value = float(fit.t[1])
        return GroupTest(value, df - 1, float(2 * stats.t.sf(abs(value), df - 1)), float(fit.estimate.values[1]))
    found = wald(fit, list(range(1, count)))
    p = float(stats.f.sf(found.F, count - 1, df - count + 1))
    return GroupTest(found.F * (count - 1), df - count + 1, p, None, count - 1)


def _check_error(se: float, df: float, y: FloatArray) -> None:
    """A test needs an error: rounding alone is none."""
    if not se > ROUNDING * float(np.abs(y).max(initial=0.0)):
        raise Undefined("a t test", "its estimate does not vary")
    if df <= 0:
        raise Undefined("a t test", "no degrees of freedom are left")


def _scores(y: FloatArray, weights: FloatArray, score: Score) -> FloatArray:
    order = np.argsort(y, kind="stable")
    middle = np.empty(len(y))
    middle[order] = np.cumsum(weights[order]) - weights[order] / 2
    _, ties = np.unique(y, return_inverse=True)
    ties = ties.reshape(-1)
    rank = (np.bincount(ties, weights=middle) / np.bincount(ties))[ties]
    size = float(weights.sum())
    match score:
        case Score.WILCOXON | Score.KRUSKAL_WALLIS:
            return np.asarray(rank / size)
        case Score.VAN_DER_WAERDEN:
            return np.asarray(stats.norm.ppf(rank / size))
        case Score.MEDIAN:
            return np.asarray((rank > size / 2 * (1 + 1e-12)).astype(np.float64))
