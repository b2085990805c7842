"""How sure a grade is: the confidence that the true value lies in each of a scheme's bands, from a figure's own limits.

The limits of a figure say how its error grows towards either side; a confidence distribution says the same at every
height. Wilson's limits solve `(value - t)^2 = c^2 s^2(t)` with a variance s^2 that changes nearly linearly with t, so
two limits give it, and `P(true >= t) = Phi((value - t) / s(t))`: at the limits exactly their level, for a symmetric
interval the normal distribution. It needs nothing but what is published. It is confidence (over repeated samples), no
belief about this unit. References: Wilson (1927); Schweder and Hjort (2002); Xie and Singh (2013), Int Stat Rev 81(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import special

from analysis.design import BoolArray, FloatArray
from analysis.errors import LengthMismatch, NotFinite, OptionInvalid
from analysis.intervals import critical


def band_confidence(
    value: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    bounds: Sequence[float],
    *,
    level: float,
    ends: tuple[float, float],
) -> FloatArray:
    """Confidence float64[n, B + 1] that the true value reaches bound 1, lies between bounds 1 and 2, ..., below the
    last.

    `value`, `lower`, `upper` float64[n] on the scale of the falling `bounds`, limits of the `level` (both NaN: the
    value is exact), `ends` of the scale, which every true value keeps. Rows sum to 1.
    Raises LengthMismatch, NotFinite, OptionInvalid.
    """
    y, low, high = (np.asarray(one, dtype=np.float64) for one in (value, lower, upper))
    _check(y, low, high, bounds)
    exact = np.isnan(low)
    low, high = np.where(exact, y, low), np.where(exact, y, high)
    reached = [_reaches(y, low, high, float(bound), float(critical(level))) for bound in bounds]
    held = np.array([np.where(bound <= ends[0], 1.0, np.where(bound > ends[1], 0.0, one))
                     for bound, one in zip(bounds, reached, strict=True)]).reshape(len(bounds), len(y))  # fmt: skip
    steps = np.maximum.accumulate(held, axis=0) if len(bounds) else held  # a lower bound is never less sure
    edges = np.concatenate([np.zeros((1, len(y))), steps, np.ones((1, len(y)))])
    return np.diff(edges, axis=0).T


def _reaches(y: FloatArray, low: FloatArray, high: FloatArray, bound: float, c: float) -> FloatArray:
    """Confidence that the true value is `bound` or more; an exact value reaches its own."""
    below, above = ((y - low) / c) ** 2, ((high - y) / c) ** 2
    width = high - low
    slope = np.divide(above - below, width, out=np.zeros_like(y), where=width > 0)
    least = np.minimum(np.where(below > 0, below, above), np.where(above > 0, above, below)) * SMALLEST
    spread = np.sqrt(np.maximum(below + slope * (bound - low), least))
    gap = y - bound
    z = np.divide(gap, spread, out=np.where(gap >= 0, np.inf, -np.inf), where=spread > 0)
    return np.asarray(special.ndtr(z), dtype=np.float64)


SMALLEST = 1e-2  # of the smaller side's variance: beyond a limit the line through both may fall to nothing


def _check(y: FloatArray, low: FloatArray, high: FloatArray, bounds: Sequence[float]) -> None:
    for what, one in (("lower limits", low), ("upper limits", high)):
        if len(one) != len(y):
            raise LengthMismatch(what, len(y), len(one))
    half: BoolArray = np.isnan(low) != np.isnan(high)
    bad = ~np.isfinite(y) | half | np.isinf(low) | np.isinf(high)
    if bad.any():
        raise NotFinite("a value or its limits", int(np.argmax(bad)))
    outside = (low > y) | (high < y)
    if outside.any():
        place = int(np.argmax(outside))
        raise OptionInvalid("limits", (float(low[place]), float(high[place])), f"limits that hold {float(y[place])}")
    if any(first < second for first, second in pairwise(bounds)):
        raise OptionInvalid("bounds", tuple(bounds), "falling bounds")
