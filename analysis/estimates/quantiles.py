"""Weighted quantiles by the usual rules, with Woodruff and score-inversion intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis import intervals
from analysis.design import Column, Design, FloatArray, checked_weights, chosen, column_of_numbers
from analysis.errors import LengthMismatch, NotFinite, NoWeight, OptionInvalid, Undefined
from analysis.estimates.moments import Missing, Sample, degrees, mean, prepared

LARGE = 1e300


class Rule(StrEnum):
    """Which value a quantile takes between observations: inverse CDF (math), its midpoint version (school), and
    weighted versions of types 1-9 of Hyndman and Fan (1996)."""

    MATH = "math"
    SCHOOL = "school"
    SHAHVAISH = "shahvaish"
    HF1 = "hf1"
    HF2 = "hf2"
    HF3 = "hf3"
    HF4 = "hf4"
    HF5 = "hf5"
    HF6 = "hf6"
    HF7 = "hf7"
    HF8 = "hf8"
    HF9 = "hf9"


class Interval(StrEnum):
    """How limits are made: a limit for the share below the quantile, inverted (Woodruff), or the score test."""

    MEAN = "mean"
    BETA = "beta"
    XLOGIT = "xlogit"
    ASIN = "asin"
    SCORE = "score"


@dataclass(frozen=True)
class Quantile:
    """One quantile in the variable's units; a limit that does not exist (outside the data) is NaN."""

    share: float
    value: float
    lower: float
    upper: float
    se: float


def quantiles(
    sample: Sample,
    values: Column,
    shares: tuple[float, ...],
    *,
    rule: Rule,
    interval: Interval,
    level: float,
    missing: Missing,
    df: float | None = None,
    rows: int | None = None,
) -> list[Quantile]:
    """Weighted quantiles of one column float64[n] with limits; se is the limits' width over twice the critical value.

    `df` defaults to the design's; `rows` (Korn-Graubard limits) to the rows used. Raises NotFinite, EmptyDomain,
    OptionInvalid, NegativeWeight. Reference: Woodruff (1952); Francisco and Fuller (1991); Hyndman and Fan (1996);
    Lumley (2010) 2.4.
    """
    rule, interval = chosen(Rule, rule, "rule"), chosen(Interval, interval, "interval")
    used, matrix = prepared(sample, column_of_numbers("values", values), missing)
    weights, y = checked_weights(used.domain_weights), matrix[:, 0]
    if df is not None and not df > 0:
        raise OptionInvalid("df", df, "a positive number")
    freedom = float(degrees(used)) if df is None else df
    count = int((weights > 0).sum()) if rows is None else rows
    pick = _picker(y[weights > 0], weights[weights > 0], rule)
    found = []
    for share in shares:
        if not 0 < share < 1:
            raise OptionInvalid("quantile", share, "between 0 and 1")
        value = pick(share)
        if interval is Interval.SCORE:
            lower, upper = _score_limits(used, y, share, level, freedom, pick)
        else:
            lower, upper = _woodruff(used, y, value, (interval, level, freedom, count), pick)
        width = (upper - lower) / (2 * float(intervals.critical(level, freedom)))
        found.append(Quantile(share, value, lower, upper, width))
    return found


def weighted_quantile(values: FloatArray, weights: FloatArray, share: float, rule: Rule) -> float:
    """One weighted quantile of values float64[n] with weights float64[n] (zeros left out). Raises NotFinite,
    NegativeWeight, NoWeight, LengthMismatch, OptionInvalid."""
    rule, weights = chosen(Rule, rule, "rule"), checked_weights(weights)
    values = column_of_numbers("values", values)
    if len(values) != len(weights):
        raise LengthMismatch("values", len(weights), len(values))
    if not 0 < share < 1:
        raise OptionInvalid("quantile", share, "between 0 and 1")
    if not (weights > 0).any():
        raise NoWeight("a quantile")
    if not np.isfinite(values).all():
        raise NotFinite("value", int(np.argmin(np.isfinite(values))))
    return _picker(values[weights > 0], weights[weights > 0], rule)(share)


def _picker(values: FloatArray, weights: FloatArray, rule: Rule) -> Callable[[float], float]:
    order = np.argsort(values, kind="stable")
    x, w = values[order], weights[order]
    if rule is Rule.HF3:
        x, place = np.unique(x, return_inverse=True)
        w = np.asarray(np.bincount(place.reshape(-1), weights=w), dtype=np.float64)
    exact = np.cumsum(w.astype(np.longdouble))  # a tie with a share is a tie of exact sums, as in R
    total, size = exact.astype(np.float64), float(exact[-1])
    if rule in _STEP_RULES:
        return lambda share: _step(x, total, size, share, rule)
    nodes = _nodes(w, total, rule)
    if rule is Rule.SHAHVAISH:
        by_node = np.argsort(nodes, kind="stable")
        nodes, x = nodes[by_node], x[by_node]
        return lambda share: float(x[max(int(np.searchsorted(nodes, share, side="right")) - 1, 0)])
    return lambda share: float(np.interp(share, nodes, x))


_STEP_RULES = frozenset({Rule.MATH, Rule.SCHOOL, Rule.HF1, Rule.HF2, Rule.HF3, Rule.HF4})


def _step(x: FloatArray, total: FloatArray, size: float, share: float, rule: Rule) -> float:
    at = int(np.searchsorted(total, share * size, side="right")) - 1
    if at < 0:
        return float(x[0])
    after = min(at + 1, len(x) - 1)
    gap = share - total[at] / size
    if rule is Rule.HF4:
        part = gap / (total[after] / size - total[at] / size) if after > at else 1.0
        return float(x[at] * (1 - part) + x[after] * part)
    if gap != 0 or (rule is Rule.HF3 and at % 2 == 0):
        return float(x[after])
    return float((x[at] + x[after]) / 2 if rule in {Rule.SCHOOL, Rule.HF2} else x[at])


def _nodes(w: FloatArray, total: FloatArray, rule: Rule) -> FloatArray:
    """Plotting positions of the sorted values, float64[n]."""
    before = total - w
    match rule:
        case Rule.SHAHVAISH:
            return np.asarray((total / w.mean() + 0.5 - w / 2) / (len(w) + 1))
        case Rule.HF5:
            return np.asarray((total - w / 2) / total[-1])
        case Rule.HF6:
            return np.asarray(total / (total[-1] + w[-1]))
        case Rule.HF7:
            return np.asarray(before / max(total[-1] - w[-1], np.finfo(float).tiny))
        case Rule.HF8:
            return np.asarray((before / 3 + total * 2 / 3) / (total[-1] + w[-1] / 3))
        case _:
            return np.asarray((before * 3 / 8 + total * 5 / 8) / (total[-1] + w[-1] / 4))


def _woodruff(
    used: Sample,
    y: FloatArray,
    value: float,
    how: tuple[Interval, float, float, int],
    pick: Callable[[float], float],
) -> tuple[float, float]:
    interval, level, df, rows = how
    below = mean(used, (y <= value).astype(np.float64), missing=Missing.FAIL)
    share, se = float(below.values[0]), float(below.se[0])
    if se == 0:
        return pick(share), pick(share)
    if interval is Interval.MEAN:
        limits = intervals.wald(share, se, level, df)
    elif interval is Interval.XLOGIT:
        limits = intervals.logit(share, se, level, df)
    elif interval is Interval.ASIN:
        limits = intervals.arcsine(share, se, level, df)
    else:
        size = intervals.effective_size(share, se**2)
        limits = intervals.korn_graubard(share, size, level, n=rows, df=degrees(used), cap=False)
    lower, upper = float(limits[0]), float(limits[1])
    return (pick(lower) if lower >= 0 else np.nan, pick(upper) if upper <= 1 else np.nan)


def _score_limits(
    used: Sample, y: FloatArray, share: float, level: float, df: float, pick: Callable[[float], float]
) -> tuple[float, float]:
    """Values at which the score test of `share` turns significant, each put back through the quantile rule."""
    if not isinstance(used, Design):
        raise OptionInvalid("interval", "score", "Woodruff's intervals for replicate weights")
    observed = y[used.counted]
    limit = float(intervals.critical(level, df))
    margin = float(np.subtract(*np.percentile(observed, [75, 25]))) / 100
    bracket = float(observed.min()) + margin, float(observed.max()) - margin
    precision = 1 / (100 * len(observed) ** 0.5)

    def statistic(value: float) -> float:
        above = mean(used, (y > value) - (1.0 - share), missing=Missing.FAIL)
        se = float(above.se[0])
        return float(above.values[0]) / se if se > 0 else float(np.sign(above.values[0])) * LARGE

    def crossing(bound: float) -> float:
        root = _root(lambda value: statistic(value) - bound, bracket, precision)
        return pick(float((observed <= root).mean()))

    return crossing(limit), crossing(-limit)


def _root(function: Callable[[float], float], bracket: tuple[float, float], precision: float) -> float:
    """Brent's root of a function that changes sign in the bracket, to `precision` (Brent 1973, ch. 4)."""
    a, b = bracket
    fa, fb = function(a), function(b)
    if fa * fb > 0:
        raise Undefined("a score interval", "the test is not significant within the data")
    c, fc = a, fa
    while True:
        before = b - a
        if abs(fc) < abs(fb):
            a, b, c, fa, fb, fc = b, c, b, fb, fc, fb
        tolerance = 2 * np.finfo(float).eps * abs(b) + precision / 2
        step = (c - b) / 2
        if abs(step) <= tolerance or fb == 0:
            return b
        if abs(before) >= tolerance and abs(fa) > abs(fb):
            step = _interpolated((a, b, c), (fa, fb, fc), before, tolerance, step)
        if abs(step) < tolerance:
            step = tolerance if step > 0 else -tolerance
        a, fa = b, fb
        b += step
        fb = function(b)
        if fb * fc > 0:
            c, fc = a, fa


def _interpolated(
    points: tuple[float, float, float], values: tuple[float, float, float], before: float, tolerance: float, half: float
) -> float:
    """Brent's interpolation step (secant or inverse quadratic) where it is safe, else half the interval."""
    (a, b, c), (fa, fb, fc) = points, values
    ratio = fb / fa
    if a == c:
        p, q = (c - b) * ratio, 1.0 - ratio
    else:
        q, r = fa / fc, fb / fc
        p = ratio * ((c - b) * q * (q - r) - (b - a) * (r - 1.0))
        q = (q - 1.0) * (r - 1.0) * (ratio - 1.0)
    p, q = abs(p), -q if p > 0 else q
    safe = p < 0.75 * (c - b) * q - abs(tolerance * q) / 2 and p < abs(before * q / 2)
    return p / q if safe else half
