"""Confidence limits of proportions and of the index (all on the scale 0 to 1), and the rule of what may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from analysis.design import FloatArray
from analysis.errors import OptionInvalid, Undefined

Limits = tuple[FloatArray, FloatArray]
ROUNDING = 1e-9  # what arithmetic alone may put a share outside 0..1


class Decision(StrEnum):
    SHOW = "show"
    SUPPRESS = "suppress"
    REVIEW = "review"


class Flag(StrEnum):
    FEW_ANSWERS = "effective_n<30"
    WIDE = "width>=30"
    RELATIVELY_WIDE = "rel_width>130%"
    FEW_DEGREES = "df<8"
    COMPLEMENT_WIDE = "complement_rel_width>130%"
    BOUNDARY = "boundary"


@dataclass(frozen=True)
class Presentation:
    """What the publication rule says about one proportion."""

    decision: Decision
    flags: tuple[Flag, ...]


def critical(level: float, df: ArrayLike | None = None) -> FloatArray:
    """Two-sided critical value: normal without `df`, else Student's t; NaN where df is not positive."""
    _check_level(level)
    tail = 0.5 + level / 2
    if df is None:
        return np.asarray(stats.norm.ppf(tail))
    degrees = np.asarray(df, dtype=np.float64)
    return np.asarray(np.where(degrees > 0, stats.t.ppf(tail, np.where(degrees > 0, degrees, 1.0)), np.nan))


def effective_size(p: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Effective sample size `p (1-p) / V`; infinite where V is zero."""
    share, v = _share(p), _spread(variance)
    return np.asarray(np.divide(share * (1 - share), v, out=np.full(np.broadcast(share, v).shape, np.inf), where=v > 0))


def wald(estimate: ArrayLike, se: ArrayLike, level: float, df: ArrayLike | None = None) -> Limits:
    """`estimate -+ c se`; for means and totals, never for a share near 0 or 1; NaN without degrees of freedom (df 0).
    Raises OptionInvalid."""
    middle, half = np.asarray(estimate, dtype=np.float64), critical(level, _degrees(df, none_left=True)) * _spread(se)
    return middle - half, middle + half


def wilson(p: ArrayLike, n_eff: ArrayLike, level: float, df: ArrayLike | None = None) -> Limits:
    """Wilson score limits at effective size `n_eff`, with the normal or (with `df`) Student's t critical value.

    Defined at p = 0 and 1. Raises OptionInvalid for what is no share, size or df.
    Reference: Wilson (1927); Kott (2017), A note on Wilson coverage intervals; Franco, Little,
    Louis, Slud (2019).
    """
    share, size = _share(p), _size(n_eff)
    c2 = critical(level, _degrees(df)) ** 2 / size
    middle = share + c2 / 2
    half = np.sqrt(c2 * share * (1 - share) + c2**2 / 4)
    lower, upper = (middle - half) / (1 + c2), (middle + half) / (1 + c2)
    return np.where(share <= 0, 0.0, np.maximum(lower, 0.0)), np.where(share >= 1, 1.0, np.minimum(upper, 1.0))


def clopper_pearson(p: ArrayLike, n_eff: ArrayLike, level: float) -> Limits:
    """Exact binomial limits with real `n_eff` (beta quantiles); x = p n_eff. Reference: Clopper and Pearson (1934)."""
    _check_level(level)
    share, size = _share(p), _size(n_eff)
    yes, no, tail = share * size, (1 - share) * size, (1 - level) / 2
    lower = special.betaincinv(np.where(yes > 0, yes, 1.0), no + 1, tail)
    upper = special.betaincinv(yes + 1, np.where(no > 0, no, 1.0), 1 - tail)
    return np.where(yes > 0, lower, 0.0), np.where(no > 0, upper, 1.0)


def jeffreys(p: ArrayLike, n_eff: ArrayLike, level: float) -> Limits:
    """Jeffreys limits: quantiles of Beta(x + 1/2, n - x + 1/2), closed at 0 and 1.
    Reference: Brown, Cai, DasGupta (2001)."""
    _check_level(level)
    share, size = _share(p), _size(n_eff)
    yes, no, tail = share * size + 0.5, (1 - share) * size + 0.5, (1 - level) / 2
    lower, upper = special.betaincinv(yes, no, tail), special.betaincinv(yes, no, 1 - tail)
    return np.where(share <= 0, 0.0, lower), np.where(share >= 1, 1.0, upper)


def adjusted_size(n_eff: ArrayLike, n: ArrayLike, df: ArrayLike, level: float, *, cap: bool = True) -> FloatArray:
    """Korn-Graubard's effective size `n_eff (t_{n-1} / t_df)^2`, with the NCHS cap at n unless `cap` is False.
    Reference: Korn and Graubard (1998); NCHS Series 2 no. 175 (2017)."""
    size, sample = _size(n_eff, endless=cap), _size(n)
    adjusted = size * (critical(level, np.maximum(sample - 1, 1.0)) / critical(level, _degrees(df))) ** 2
    return np.asarray(np.minimum(adjusted, sample) if cap else adjusted)


def korn_graubard(
    p: ArrayLike, n_eff: ArrayLike, level: float, *, n: ArrayLike, df: ArrayLike, cap: bool = True
) -> Limits:
    """Clopper-Pearson limits at Korn and Graubard's adjusted effective size; at p = 0 or 1, or without any
    variance, the size is n."""
    share, sample = _share(p), _size(n)
    edge = (share <= 0) | (share >= 1) | np.isposinf(np.asarray(n_eff, dtype=np.float64))
    size = adjusted_size(
        np.where(edge, sample, n_eff), sample, np.where(edge, np.maximum(sample - 1, 1.0), df), level, cap=cap
    )
    return clopper_pearson(share, size, level)


def logit(p: ArrayLike, se: ArrayLike, level: float, df: ArrayLike | None = None) -> Limits:
    """Wald limits on the logit scale; NaN at p = 0 or 1, where they do not exist, and at df 0. Raises OptionInvalid."""
    share, error = _share(p), _spread(se)
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    half = critical(level, _degrees(df, none_left=True)) * error / (safe * (1 - safe))
    lower, upper = special.expit(special.logit(safe) - half), special.expit(special.logit(safe) + half)
    return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)


def arcsine(p: ArrayLike, se: ArrayLike, level: float, df: ArrayLike | None = None) -> Limits:
    """Wald limits on the arcsine square root scale (not monotone outside 0..pi/2: as R's `asin`); NaN at 0 and 1."""
    share, error = _share(p), _spread(se)
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    half = critical(level, _degrees(df, none_left=True)) * error / (2 * np.sqrt(safe * (1 - safe)))
    angle = np.arcsin(np.sqrt(safe))
    lower, upper = np.sin(angle - half) ** 2, np.sin(angle + half) ** 2
    return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)


def likelihood(p: float, se: float, level: float, df: float | None = None) -> tuple[float, float]:
    """Rao-Scott profile likelihood limits: shares whose binomial deviance from p, at the effective size
    `p (1-p) / V`, is the squared critical value. NaN at p = 0 or 1.
    Reference: Rao and Scott (1984); Lumley and Scott (2014), Tests for regression models fitted to survey data."""
    _share(p), _spread(se), _degrees(df)
    if not 0 < p < 1 or se == 0:
        return float("nan"), float("nan")
    allowed = float(critical(level, df)) ** 2 * se**2 / (p * (1 - p))

    def excess(share: float) -> float:
        return float(2 * (special.rel_entr(p, share) + special.rel_entr(1 - p, 1 - share)) - allowed)

    tiny = 1e-300
    lower = optimize.brentq(excess, tiny, p, xtol=1e-14) if excess(tiny) > 0 else 0.0
    upper = optimize.brentq(excess, p, 1 - 1e-16, xtol=1e-14) if excess(1 - 1e-16) > 0 else 1.0
    return float(lower), float(upper)


def index_interval(
    share: ArrayLike, n: ArrayLike, ratio: ArrayLike, level: float, df: ArrayLike | None = None
) -> Limits:
    """Limits of an index of many items (0..1): Wilson at `n ratio`, the level's pooled effective-size ratio, uncapped.
    `ratio` comes from `pooled_ratio`; where it is infinite (no unit varies) it counts as 1, so that no index is shown
    without an error. The limits enclose the value and never leave 0..1."""
    pooled = np.asarray(ratio, dtype=np.float64)
    return wilson(share, _size(n) * np.where(np.isposinf(pooled), 1.0, pooled), level, df)


def pooled_ratio(share: ArrayLike, variance: ArrayLike, n: ArrayLike, df: ArrayLike) -> float:
    """One ratio `n_eff / n` for all units of a level: `sum df I(1-I) / sum df n V`, units without df left out.

    Averages variances, not ratios, so that a unit near 0 or 1 (whose own ratio is 0/0) does no harm; infinite when no
    unit varies. Reference: Franco, Little, Louis, Slud (2019), JSSAM 7(3), modelled effective sizes.
    """
    arrays = [np.asarray(one, dtype=np.float64) for one in (share, variance, n, df)]
    value, v, size, degrees = np.broadcast_arrays(*arrays)
    if np.isnan(degrees).any():
        raise OptionInvalid("df", float("nan"), "a number")
    used = degrees > 0
    value, v, size, degrees = _share(value[used]), _spread(v[used]), _size(size[used]), degrees[used]
    spread, observed = float((degrees * value * (1 - value)).sum()), float((degrees * size * v).sum())
    return spread / observed if observed > 0 else float("inf")


def within_census(limits: Limits, satisfied: ArrayLike, answered: ArrayLike, population: ArrayLike) -> Limits:
    """Limits cut to what the unanswered part of the population still allows: [y/N, (y + N - r)/N]."""
    y, r, size = (np.asarray(one, dtype=np.float64) for one in (satisfied, answered, population))
    _refuse("a population", size, size > 0, "a positive number")
    _refuse("answers of a population", r, (r >= 0) & (r <= size + ROUNDING), "0 to the population")
    _refuse("satisfied of the answers", y, (y >= 0) & (y <= r + ROUNDING), "0 to the answers")
    return np.maximum(limits[0], y / size), np.minimum(limits[1], (y + size - r) / size)


def presentation(p: float, se: float, n: int, df: float, level: float = 0.95) -> Presentation:
    """NCHS rule for one proportion, by its Korn-Graubard limits; without degrees of freedom it is suppressed.
    Reference: NCHS Series 2 no. 175 (2017), National Center for Health Statistics presentation standards.
    """
    _share(p), _spread(se), _size(n)
    if np.isnan(df):
        raise Undefined("the rule of presentation", "the degrees of freedom are missing")
    if df <= 0:
        return Presentation(Decision.SUPPRESS, (Flag.FEW_DEGREES,))
    size = float(effective_size(p, se**2)) if 0 < p < 1 else float(n)
    lower, upper = korn_graubard(p, size, level, n=n, df=df)
    return presentation_of_limits(p, (float(lower), float(upper)), (n, size), df)


def presentation_of_limits(
    p: float, limits: tuple[float, float], sizes: tuple[float, float], df: float
) -> Presentation:
    """The same rule for a figure with limits of its own (shares, 0..1), such as an index of many items: they stand for
    Korn and Graubard's. `sizes` are the answers and the effective answers: the smaller counts, but the answers
    alone at 0 % and 100 % or without any variance (infinite effective answers).

    Under 30 is suppressed; width up to .05 is narrow enough, from .30 suppressed, between them suppressed when wider
    than 130 % of p. What a statistician has to look at (fewer than 8 df, the boundary) is REVIEW at any width; a
    relatively wide complement is a footnote; the flags say why.
    """
    value, lower, upper = (float(one) for one in _share([p, *limits]))
    edge = not ROUNDING < value < 1 - ROUNDING or np.isposinf(sizes[1])
    flags = [Flag.FEW_DEGREES] if not df >= 8 else []
    flags += [Flag.BOUNDARY] if edge else []
    width = upper - lower
    if (sizes[0] if edge else min(sizes)) < 30:
        return Presentation(Decision.SUPPRESS, (Flag.FEW_ANSWERS, *flags))
    if width > 0.05 and (width >= 0.30 or width > 1.3 * value):
        why = Flag.WIDE if width >= 0.30 else Flag.RELATIVELY_WIDE
        return Presentation(Decision.SUPPRESS, (why, *flags))
    decision = Decision.REVIEW if flags else Decision.SHOW
    if width > 0.05 and width > 1.3 * (1 - value):
        flags.append(Flag.COMPLEMENT_WIDE)
    return Presentation(decision, tuple(flags))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise OptionInvalid("level", level, "between 0 and 1")


def _share(p: ArrayLike) -> FloatArray:
    """A share in 0..1 (rounding outside it is cut off); anything else, NaN too, is refused."""
    values = np.asarray(p, dtype=np.float64)
    _refuse("a share", values, (values >= -ROUNDING) & (values <= 1 + ROUNDING), "0 to 1")
    return np.asarray(np.clip(values, 0.0, 1.0))


def _size(n: ArrayLike, *, endless: bool = False) -> FloatArray:
    """A positive number of answers; `endless` where no variance has made it infinite and a cap follows."""
    values = np.asarray(n, dtype=np.float64)
    _refuse("a sample size", values, (values > 0) & (endless | (values < np.inf)), "a positive number")
    return values


def _spread(value: ArrayLike) -> FloatArray:
    """A variance or standard error, finite and not negative."""
    values = np.asarray(value, dtype=np.float64)
    _refuse("a variance or standard error", values, (values >= 0) & (values < np.inf), "a number, not negative")
    return values


def _degrees(df: ArrayLike | None, *, none_left: bool = False) -> FloatArray | None:
    """Degrees of freedom above zero (infinite: the normal value), or None; `none_left`: zero too (limits are NaN)."""
    if df is None:
        return None
    values = np.asarray(df, dtype=np.float64)
    _refuse("df", values, (values > 0) | (none_left & (values == 0)), "a positive number")
    return values


def _refuse(what: str, values: FloatArray, good: ArrayLike, allowed: str) -> None:
    fine = np.asarray(good, dtype=np.bool_)
    if not fine.all():
        raise OptionInvalid(what, float(values[~fine].flat[0]), allowed)
