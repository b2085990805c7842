"""Totals, means, ratios and variances by domain, from a design or from replicate weights, with their covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis import design as designs
from analysis import replicates as replications
from analysis.design import BoolArray, Column, Design, FloatArray
from analysis.errors import EmptyDomain, LengthMismatch, NotFinite, OptionInvalid, Undefined
from analysis.replicates import Replicates
from analysis.variance import covariance, standard_errors

Sample = Design | Replicates


class Missing(StrEnum):
    """What a missing value does: refuse it, or estimate from the rows that have all values."""

    FAIL = "fail"
    DROP = "drop"


LARGEST = 1e120  # of a value, so that weighted sums of squares are numbers


@dataclass(frozen=True, eq=False)
class Estimate:
    """Values float64[k], their covariance float64[k, k], design degrees of freedom and rows used; `lost` counts the
    replicates left out of each value's variance (nothing without replicates)."""

    values: FloatArray
    covariance: FloatArray
    df: int
    n: int
    lost: tuple[int, ...] = ()

    @property
    def se(self) -> FloatArray:
        return standard_errors(self.covariance)


def total(sample: Sample, values: Column, *, missing: Missing) -> Estimate:
    """Weighted totals (Horvitz-Thompson or calibrated) of columns float64[n, k] or [n], in the columns' units.
    Reference: Särndal, Swensson, Wretman (1992) 2.8. Raises NotFinite, EmptyDomain, LengthMismatch."""
    used, y = prepared(sample, values, missing)
    if isinstance(used, Replicates):
        return _replicated(used, lambda w: w.T @ y)
    scores = used.domain_weights[:, None] * y
    return _linearised(used, scores.sum(axis=0), scores)


def mean(sample: Sample, values: Column, *, missing: Missing) -> Estimate:
    """Weighted means (Hájek) of columns float64[n, k] or [n]; the linearised value is `w (y - mean) / sum w`.
    Reference: Särndal, Swensson, Wretman (1992) 5.7. Raises NotFinite, EmptyDomain, LengthMismatch."""
    used, y = prepared(sample, values, missing)
    if isinstance(used, Replicates):
        return _replicated(used, lambda w: _quotient(w.T @ y, w.sum(axis=0)[:, None]))
    weights = used.domain_weights[:, None]
    mass = weights.sum()
    average = (weights * y).sum(axis=0) / mass
    return _linearised(used, average, weights * (y - average) / mass)


def ratio(sample: Sample, numerator: Column, denominator: Column, *, missing: Missing) -> Estimate:
    """Ratios of totals of paired columns [n, k]; the linearised value is `w (y - R x) / sum w x`.
    Reference: Särndal, Swensson, Wretman (1992) 5.6. Raises EmptyDomain when a denominator's total is zero."""
    top, bottom = _matrix(numerator), _matrix(denominator)
    if top.shape != bottom.shape:
        raise LengthMismatch("the denominator", top.shape[0], bottom.shape[0])
    k = top.shape[1]
    used, both = prepared(sample, np.hstack([top, bottom]), missing)
    y, x = both[:, :k], both[:, k:]
    if isinstance(used, Replicates):
        return _replicated(used, lambda w: _quotient(w.T @ y, w.T @ x))
    weights = used.domain_weights[:, None]
    base = (weights * x).sum(axis=0)
    if (base == 0).any():
        raise EmptyDomain("of the ratio's denominator")
    value = (weights * y).sum(axis=0) / base
    return _linearised(used, value, weights * (y - value * x) / base)


def variance(sample: Sample, values: Column, *, missing: Missing) -> Estimate:
    """Population variances and covariances of columns [n, k]: weighted mean of `(y - mean)(y - mean)' n/(n-1)`,
    the k^2 entries row by row, in squared units; n is the number of rows with a positive weight."""
    used, y = prepared(sample, values, missing)
    n = int((used.domain_weights != 0).sum())
    if n < 2:
        raise EmptyDomain("with at least two answers")

    def products(average: FloatArray) -> FloatArray:
        centred = np.where((used.domain_weights != 0)[:, None], y - average, 0.0)
        return np.asarray((centred[:, :, None] * centred[:, None, :]).reshape(len(y), -1) * n / (n - 1))

    if isinstance(used, Replicates):
        centred = y - used.domain_weights @ y / used.domain_weights.sum()
        return _replicated(used, lambda w: _moment_replicates(w, centred, n))
    return mean(used, products(mean(used, y, missing=Missing.FAIL).values), missing=Missing.FAIL)


def survey_alpha(sample: Sample, items: FloatArray, *, missing: Missing) -> float:
    """Cronbach's alpha of items float64[n, k] from weighted variances: `k/(k-1) (1 - sum var(item) / var(sum))`.
    Reference: Cronbach (1951). Raises Undefined for one item or a sum that does not vary."""
    k = items.shape[1]
    both = variance(sample, np.column_stack([items, items.sum(axis=1)]), missing=missing)
    spread = np.diag(both.values.reshape(k + 1, k + 1))
    if k < 2 or spread[-1] <= 0:
        raise Undefined("alpha", "it needs two items and a sum that varies")
    return float(k / (k - 1) * (1 - spread[:-1].sum() / spread[-1]))


def design_effect(sample: Sample, values: Column, estimate: Estimate, *, missing: Missing, replace: bool) -> FloatArray:
    """Design effects float64[k] of *means*: variance over that of simple random sampling of the same n, with (or,
    without `replace`, without) replacement. Reference: Kish (1965) 8.2. A total's design effect is that of its
    variance over the squared sum of weights. NaN where a simple random sample would have no variance: a
    column that does not vary or, without `replace`, weights that add up to no more than n. Raises Undefined for n = 1.
    """
    used, y = prepared(sample, values, missing)
    weights = used.domain_weights
    n, size = int((weights != 0).sum()), float(weights.sum())
    if n < 2:
        raise Undefined("a design effect", "there is only one answer")
    average = weights @ y / size
    spread = weights @ (y - average) ** 2 / size * n / (n - 1)
    simple = spread / n * (1.0 if replace else (size - n) / size)
    return _quotient(np.diag(estimate.covariance), np.maximum(simple, 0.0))


def linear(estimate: Estimate, matrix: Column) -> Estimate:
    """Linear combinations `A theta` with covariance `A V A'`; `matrix` float64[m, k] (or one row [k]). Raises
    LengthMismatch, OptionInvalid."""
    a = np.atleast_2d(designs.numbers("the matrix of combinations", matrix))
    if a.shape[-1] != len(estimate.values):
        raise LengthMismatch("a combination", len(estimate.values), a.shape[-1])
    if not np.isfinite(a).all():
        raise OptionInvalid("the matrix of combinations", float(a[~np.isfinite(a)][0]), "finite numbers")
    return Estimate(a @ estimate.values, a @ estimate.covariance @ a.T, estimate.df, estimate.n)


def transformed(estimate: Estimate, values: FloatArray, jacobian: FloatArray) -> Estimate:
    """A smooth function's values float64[m] with the delta method's covariance `J V J'`, J float64[m, k]."""
    return Estimate(values, jacobian @ estimate.covariance @ jacobian.T, estimate.df, estimate.n)


def by_domain(sample: Sample, column: FloatArray, groups: designs.IntArray, *, missing: Missing) -> Estimate:
    """Means of one column float64[n] in each group code 0..G-1, with the covariance between the groups, float64[G, G].
    Rows with a negative code are in no group. Raises EmptyDomain that names every group without an answer."""
    if len(groups) != sample.rows:
        raise LengthMismatch("groups", sample.rows, len(groups))
    groups = designs.whole_codes("groups", groups)
    used, y = prepared(sample, column, missing)
    inside = np.where((used.domain_weights != 0) & (groups >= 0), groups, -1)
    empty = np.setdiff1d(np.arange(int(groups.max(initial=-1)) + 1), inside)
    if len(empty):
        raise EmptyDomain("group " + ", ".join(str(code) for code in empty.tolist()))
    member = (inside[:, None] == np.arange(int(groups.max(initial=-1)) + 1)).astype(np.float64)
    return ratio(used, member * y, member, missing=Missing.FAIL)


def narrowed(sample: Sample, keep: BoolArray) -> Sample:
    """A domain of a design or of replicates."""
    return replications.domain(sample, keep) if isinstance(sample, Replicates) else designs.domain(sample, keep)


def degrees(sample: Sample) -> int:
    """Design degrees of freedom: units less strata in the domain, or the replicates' own."""
    return sample.df if isinstance(sample, Replicates) else designs.degrees_of_freedom(sample)


def prepared(sample: Sample, values: Column, missing: Missing) -> tuple[Sample, FloatArray]:
    """The sample narrowed to rows with values and the columns float64[n, k], zero where they do not count."""
    y, missing = _matrix(values), designs.chosen(Missing, missing, "missing")
    if len(y) != sample.rows:
        raise LengthMismatch("values", sample.rows, len(y))
    counts = sample.domain_weights != 0
    complete: BoolArray = np.asarray(np.isfinite(y).all(axis=1), dtype=np.bool_)
    if (counts & ~complete).any():
        if missing is Missing.FAIL:
            raise NotFinite("value", int(np.argmax(counts & ~complete)))
        if np.isinf(y[counts]).any():
            raise NotFinite("value", int(np.argmax(counts & np.isinf(y).any(axis=1))))
        sample = narrowed(sample, complete)
        counts = sample.domain_weights != 0
    if not counts.any():
        raise EmptyDomain("asked for")
    return sample, np.where(counts[:, None], y, 0.0)


def _matrix(values: Column) -> FloatArray:
    array = designs.numbers("values", values)
    if array.ndim not in (1, 2):
        raise OptionInvalid("values", array.shape, "one or two dimensions")
    large = np.isfinite(array) & (np.abs(array) > LARGEST)
    if large.any():
        raise OptionInvalid(
            "values", float(array[large][0]), f"at most {LARGEST:g}: the squares of larger ones are no numbers"
        )
    return array[:, None] if array.ndim == 1 else array


def _linearised(used: Design, values: FloatArray, scores: FloatArray) -> Estimate:
    return Estimate(values, covariance(used, scores), designs.degrees_of_freedom(used), int(used.counted.sum()))


def _replicated(used: Replicates, statistic: Callable[[FloatArray], FloatArray]) -> Estimate:
    """`statistic` maps weights float64[n, R] to values float64[R, k]."""
    full = statistic(used.domain_weights[:, None])[0]
    each = statistic(used.domain_replicates)
    spread = replications.covariance(used, each, full)
    rows = int((used.domain_weights != 0).sum())
    return Estimate(full, spread, used.df, rows, replications.lost(used, each))


def _moment_replicates(weights: FloatArray, y: FloatArray, n: int) -> FloatArray:
    mass = weights.sum(axis=0)[:, None]
    average = _quotient(weights.T @ y, mass)
    cross = (y[:, :, None] * y[:, None, :]).reshape(len(y), -1)
    second = _quotient(weights.T @ cross, mass)
    return np.asarray((second - (average[:, :, None] * average[:, None, :]).reshape(len(average), -1)) * n / (n - 1))


def _quotient(top: FloatArray, bottom: FloatArray) -> FloatArray:
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    return np.asarray(np.divide(top, bottom, out=np.full(shape, np.nan), where=np.broadcast_to(bottom != 0, shape)))
