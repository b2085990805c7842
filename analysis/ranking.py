"""Confidence sets for ranks: how far up or down a unit's place could be, given the errors of all estimates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from analysis.design import BoolArray, FloatArray, IntArray, chosen
from analysis.errors import LengthMismatch, NotFinite, OptionInvalid, Undefined

CHUNK = 4_000_000  # pairwise draws held at once
ROUNDING = 1e-8  # of the largest entry: what arithmetic alone may do to a covariance


class Side(StrEnum):
    """Which bounds a rank set has: both, only the best place (lower) or only the worst (upper)."""

    BOTH = "two-sided"
    LOWER = "lower"
    UPPER = "upper"


class Joint(StrEnum):
    """How single intervals are widened to hold together."""

    BONFERRONI = "bonferroni"
    INDEPENDENCE = "independence"


@dataclass(frozen=True, eq=False)
class RankSets:
    """Places by estimate (1 = largest, ties share the best place) and the bounds of each place, int64[p]."""

    rank: IntArray
    lower: IntArray
    upper: IntArray


def places(estimates: FloatArray) -> IntArray:
    """Places of estimates float64[p], 1 = largest; equal estimates share the best place. Raises NotFinite."""
    if np.isnan(estimates).any():
        raise NotFinite("an estimate", int(np.argmax(np.isnan(estimates))))
    return np.asarray(1 + (estimates[None, :] > estimates[:, None]).sum(axis=1), dtype=np.int64)


def rank_sets(
    estimates: FloatArray,
    covariance: FloatArray,
    *,
    coverage: float,
    rng: np.random.Generator,
    side: Side = Side.BOTH,
    simultaneous: bool = True,
    stepdown: bool = True,
    draws: int = 20_000,
) -> RankSets:
    """Rank confidence sets from studentised differences with the full covariance of the estimates.

    `estimates` float64[p], `covariance` float64[p, p]. The bounds are `1 + units significantly larger` and
    `p - units significantly smaller`; critical values are quantiles of the maximum of the normal vector's pairwise
    differences over the hypotheses still open (one hypothesis an ordered pair), estimated from `draws` draws.
    Raises LengthMismatch, NotFinite, OptionInvalid, Undefined when no estimates can have this covariance.
    Reference: Mogstad, Romano, Shaikh, Wilhelm (2024), Inference for
    ranks with applications to mobility across neighbourhoods, Review of Economic Studies 91(1).
    """
    x, spread = np.asarray(estimates, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    p, side = len(x), chosen(Side, side, "side")
    _check(x, spread, coverage)
    if draws < 1:
        raise OptionInvalid("draws", draws, "at least 1")
    normals = _normals(spread, draws, rng)
    gaps = x[:, None] - x[None, :]
    variance = np.diag(spread)
    scale = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * spread, 0.0))
    if simultaneous:
        larger = _significant(gaps, scale, normals, ~np.eye(p, dtype=np.bool_), coverage, stepdown)
        below, above = larger.sum(axis=0), larger.sum(axis=1)
    else:
        below, above = np.zeros(p, dtype=np.int64), np.zeros(p, dtype=np.int64)
        for unit in range(p):
            larger = _significant(gaps, scale, normals, _about(unit, p, side), coverage, stepdown)
            below[unit], above[unit] = larger[:, unit].sum(), larger[unit].sum()
    lower = np.ones(p, dtype=np.int64) if side is Side.UPPER else 1 + below
    upper = np.full(p, p, dtype=np.int64) if side is Side.LOWER else p - above
    return RankSets(places(x), lower, upper)


def joint_ranks(estimates: FloatArray, se: FloatArray, *, coverage: float, joint: Joint) -> tuple[RankSets, float]:
    """Rank sets from intervals that hold jointly, and their critical value: a place's bounds count the intervals
    wholly above and wholly below. Needs no draws and no covariance; wider than `rank_sets`.

    Reference: Klein, Wright, Wieczorek (2020), A joint confidence region for an overall ranking of populations,
    Journal of the Royal Statistical Society C 69(3).
    """
    x, error = np.asarray(estimates, dtype=np.float64), np.asarray(se, dtype=np.float64)
    p, joint = len(x), chosen(Joint, joint, "joint")
    if (error < 0).any():
        raise Undefined("a rank set", f"the standard error of estimate {int(np.argmax(error < 0))} is negative")
    _check(x, np.diag(error**2), coverage)
    single = 1 - (1 - coverage) / p if joint is Joint.BONFERRONI else coverage ** (1 / p)
    z = float(stats.norm.ppf(0.5 + single / 2))
    low, high = x - z * error, x + z * error
    above = (low[None, :] > high[:, None]).sum(axis=1)
    below = (high[None, :] < low[:, None]).sum(axis=1)
    return RankSets(places(x), np.asarray(1 + above, dtype=np.int64), np.asarray(p - below, dtype=np.int64)), z


def _check(x: FloatArray, spread: FloatArray, coverage: float) -> None:
    if spread.shape != (len(x), len(x)):
        raise LengthMismatch("the covariance", len(x), len(spread))
    if not 0 < coverage < 1:
        raise OptionInvalid("coverage", coverage, "between 0 and 1")
    bad = ~np.isfinite(x) | ~np.isfinite(spread).all(axis=1)
    if bad.any():
        raise NotFinite("an estimate or its covariance", int(np.argmax(bad)))
    size = float(np.abs(spread).max(initial=0.0))
    if np.abs(spread - spread.T).max(initial=0.0) > ROUNDING * size:
        raise Undefined("a rank set", "the covariance is not symmetric")
    if np.linalg.eigvalsh(spread).min(initial=0.0) < -ROUNDING * size:
        raise Undefined("a rank set", "no estimates can have this covariance (not positive semidefinite)")


def _normals(spread: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draws float64[draws, p] of a normal vector with this covariance (which may be singular)."""
    values, vectors = np.linalg.eigh(spread)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(rng.standard_normal((draws, len(spread))) @ root.T)


def _about(unit: int, p: int, side: Side) -> BoolArray:
    """Ordered pairs (a, b), "a is larger than b", that bound one unit's place."""
    pairs = np.zeros((p, p), dtype=np.bool_)
    if side is not Side.UPPER:
        pairs[:, unit] = True
    if side is not Side.LOWER:
        pairs[unit, :] = True
    pairs[unit, unit] = False
    return pairs


def _significant(
    gaps: FloatArray, scale: FloatArray, normals: FloatArray, pairs: BoolArray, coverage: float, stepdown: bool
) -> BoolArray:
    """Ordered pairs whose difference is significant, bool[p, p]; pairs without error are decided by their sign."""
    found = pairs & (scale <= 0) & (gaps > 0)
    remaining = pairs & (scale > 0)
    while remaining.any():
        cut = _critical(normals, scale, remaining, coverage)
        rejected = remaining & (gaps > cut * scale)
        found |= rejected
        if not stepdown or not rejected.any():
            break
        remaining &= ~rejected
    return np.asarray(found)


def _critical(normals: FloatArray, scale: FloatArray, pairs: BoolArray, coverage: float) -> float:
    first, second = np.nonzero(pairs)
    inverse = 1.0 / scale[first, second]
    size = max(CHUNK // len(first), 1)
    largest = np.empty(len(normals))
    for start in range(0, len(normals), size):
        part = normals[start : start + size]
        largest[start : start + size] = ((part[:, first] - part[:, second]) * inverse).max(axis=1)
    return float(np.quantile(largest, coverage))
