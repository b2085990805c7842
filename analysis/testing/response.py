"""The model of who answers: classes of the fitted response propensity, for the non-response adjustment."""

from __future__ import annotations

import numpy as np

from analysis.design import BoolArray, Column, FloatArray, IntArray, checked_weights, yes_or_no
from analysis.errors import LengthMismatch, NotFinite, NoWeight, OptionInvalid, Undefined
from analysis.testing.regression import Family, fitted, predicted


def propensity(weights: Column, responded: BoolArray, x: FloatArray) -> FloatArray:
    """Fitted response probabilities float64[n] of a weighted logistic regression of `responded` bool[n] on `x`
    float64[n, p] (with its constant). Raises NotFinite, LengthMismatch, Undefined when nobody or everybody answered,
    NotConverged when auxiliaries separate them. Reference: Little (1986), International Statistical Review 54."""
    base, design = checked_weights(weights), np.asarray(x, dtype=np.float64)
    responded = yes_or_no(responded, len(base), "responded")
    if design.ndim != 2 or len(design) != len(base):
        raise LengthMismatch("the response model", len(base), len(design))
    bad = ~np.isfinite(design).all(axis=1)
    if bad.any():
        raise NotFinite("an auxiliary of the response model", int(np.argmax(bad)))
    if responded[base > 0].all() or not responded[base > 0].any():
        raise Undefined("a response model", "everybody or nobody answered")
    return predicted(fitted(responded.astype(np.float64), design, base, Family.BINOMIAL), design, Family.BINOMIAL)


def propensity_classes(scores: FloatArray, weights: Column, count: int = 5) -> IntArray:
    """Weighting classes int64[n] (0 = lowest) of about equal weight by fitted propensity, equal scores together, to be
    given to `nonresponse_in_classes`. Five classes remove most of the bias that the scores explain.
    Reference: Rosenbaum and Rubin (1984), Journal of the American Statistical Association 79."""
    if count < 1:
        raise OptionInvalid("classes", count, "at least 1")
    base, rounded = checked_weights(weights), np.round(scores, 12)
    if len(rounded) != len(base):
        raise LengthMismatch("scores", len(base), len(rounded))
    if not np.isfinite(rounded).all():
        raise NotFinite("a response score", int(np.argmin(np.isfinite(rounded))))
    if not base.any():
        raise NoWeight("a response model")
    _, place = np.unique(rounded, return_inverse=True)
    group = place.reshape(-1)
    mass = np.bincount(group, weights=base)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    classes = np.minimum((middle * count).astype(np.int64), count - 1)
    return np.asarray(np.unique(classes[group], return_inverse=True)[1], dtype=np.int64).reshape(-1)
