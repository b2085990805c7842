"""The composite index of many items: one influence vector per respondent, so that the items' covariance is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.design import BoolArray, FloatArray
from analysis.errors import LengthMismatch, NotFinite, OptionInvalid
from analysis.estimates.moments import Estimate, Missing, Sample, linear, ratio

ROUNDING = 1e-9  # what arithmetic alone may put the sum of the weights above 1


@dataclass(frozen=True, eq=False)
class Composite:
    """Component shares (k values, 0 to 1, with covariance) and the index `sum w_c share_c` (one value, 0 to 1)."""

    components: Estimate
    index: Estimate


def composite(sample: Sample, satisfied: FloatArray, valid: FloatArray, weights: FloatArray) -> Composite:
    """Index from counts of satisfied and of valid answers of each component, float64[n, k], and weights float64[k].

    A component is the ratio of the two weighted totals; the variance is that of the index's own linearised value,
    hence with all covariances. Raises EmptyDomain when a component has no valid answer.
    Reference: Särndal, Swensson, Wretman (1992) 5.5-5.6; OECD/JRC Handbook on Composite Indicators (2008).
    """
    _check(satisfied, valid, weights)
    components = ratio(sample, satisfied, valid, missing=Missing.FAIL)
    return Composite(components, linear(components, weights))


def composite_change(
    sample: Sample, satisfied: FloatArray, valid: FloatArray, weights: FloatArray, periods: tuple[BoolArray, BoolArray]
) -> Estimate:
    """The index in two periods and its change (three values, 0 to 1) from one design holding both periods' rows, so
    that shared units give their covariance. Reference: Nordberg (2000), JOS 16(4); Wood (2008), JOS 24(1)."""
    _check(satisfied, valid, weights)
    masks = [mask[:, None].astype(np.float64) for mask in periods]
    both = ratio(
        sample,
        np.hstack([satisfied * mask for mask in masks]),
        np.hstack([valid * mask for mask in masks]),
        missing=Missing.FAIL,
    )
    zero = np.zeros_like(weights)
    first, second = np.concatenate([weights, zero]), np.concatenate([zero, weights])
    return linear(both, np.vstack([first, second, second - first]))


def _check(satisfied: FloatArray, valid: FloatArray, weights: FloatArray) -> None:
    if satisfied.ndim != 2 or satisfied.shape != valid.shape or satisfied.shape[1:] != weights.shape:
        raise LengthMismatch("the components", len(weights), satisfied.shape[-1])
    if not np.isfinite(weights).all():
        raise NotFinite("a component's weight", int(np.argmin(np.isfinite(weights))))
    if (weights < 0).any() or weights.sum() > 1 + ROUNDING:
        raise OptionInvalid("weights of the components", weights.tolist(), "0 or more, at most 1 in all")
    for row, component in np.argwhere((satisfied < 0) | (satisfied > valid))[:1].tolist():
        told = f"satisfied of component {component}, row {row}"
        raise OptionInvalid(told, float(satisfied[row, component]), f"0 to its {valid[row, component]:g} valid answers")
