"""95 % limits of the figures: which effective size, which interval, and what is said when there is none.

An index of many items: Wilson at the level's pooled effective-size ratio. One item that is a share: Wilson at its own
design effect (df >= 8), else a smoothed one, exact limits near 0 and 1. A complete unit: none (STATISTICS.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.components.census import hypergeometric
from analysis.components.index import Figures
from analysis.design import BoolArray, FloatArray
from analysis.intervals import clopper_pearson, critical, pooled_ratio, wilson

DF_LEAST = 8  # degrees of freedom from which a variance estimate is trusted (STATISTICS.md, intervals near 100 %)
EXACT_BELOW = 5.0  # expected answers of the rarer kind under which the limits are exact
NEAR_CENSUS = 0.5  # answered share of the population from which the exact limits count the unseen dossiers
CONFIDENCE = 0.95


class Method(StrEnum):
    """How an interval was made (column `ci_method`)."""

    NONE = ""
    COMPLETE = "complete"
    WILSON_POOLED = "wilson_pooled"  # effective size from the design effect pooled over the level's units
    WILSON_OWN = "wilson_own"  # from the figure's own variance
    WILSON_KISH = "wilson_kish"  # from the weights alone: no variance could be estimated
    KORN_GRAUBARD = "korn_graubard"  # exact limits at the own effective size
    CLOPPER_PEARSON = "clopper_pearson"  # exact limits at the smoothed effective size
    HYPERGEOMETRIC = "hypergeometric"  # exact limits for the few dossiers that did not answer


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits on the share's scale, [U, C]; NaN where there is no interval (`Method.NONE`, `Method.COMPLETE`)."""

    lower: FloatArray
    upper: FloatArray
    n_eff: FloatArray
    method: NDArray[np.object_]


def pooled_limits(figures: Figures, level: float) -> Limits:
    """Index figures: Wilson at `n / (kish (1 - f)) x ratio`, the ratio pooled over the units for each code.

    Kish's design effect and the finite population are known for each unit and enter its own effective size; what the
    pool estimates is the rest (correlation of the items, strata, calibration). Uncapped. With fewer than DF_LEAST
    degrees of freedom in the pool, or no variation in it, the ratio is 1: the index is as uncertain as one item.
    """
    base = _base(figures)
    usable = _usable(figures)
    ratio, df = np.ones(figures.value.shape[1]), np.full(figures.value.shape[1], np.inf)
    kish_only = np.ones(len(ratio), dtype=np.bool_)
    for code in range(len(ratio)):
        found, degrees = _pooled(figures, usable[:, code], code, base)
        if degrees >= DF_LEAST and np.isfinite(found):
            ratio[code], df[code], kish_only[code] = found, degrees, False
    n_eff = base * ratio
    method = np.where(kish_only, Method.WILSON_KISH, Method.WILSON_POOLED)
    return _finished(figures, n_eff, wilson(figures.value, n_eff, level, df), method)


def own_limits(figures: Figures, level: float) -> Limits:
    """A figure that stands alone (the province): Wilson at its own effective size, uncapped, t with its df; by Kish
    where the variance has fewer than DF_LEAST degrees of freedom or is zero."""
    own = _usable(figures) & (figures.df >= DF_LEAST) & (figures.variance > 0)
    n_eff = np.where(own, _own_size(figures), _base(figures))
    df = np.where(own, figures.df, np.inf)
    method = np.where(own, Method.WILSON_OWN, Method.WILSON_KISH)
    return _finished(figures, n_eff, wilson(figures.value, n_eff, level, df), method)


def item_limits(figures: Figures, pools: Sequence[str], level: float) -> Limits:
    """Shares of one item (top2box). `pools` names for each code the item group whose units and items are pooled.

    Effective size: own `p(1-p)/V` with df >= DF_LEAST and V > 0, else the pool's (never above Kish's), in any case at
    most n / (1 - f). With fewer than EXACT_BELOW answers of the rarer kind: Clopper-Pearson at that size, Korn and
    Graubard's t-adjusted one when it is the own; hypergeometric when NEAR_CENSUS or more of the population answered.
    """
    own = _usable(figures) & (figures.df >= DF_LEAST) & (figures.variance > 0)
    cap = _divided(figures.n, figures.remaining, usable=_usable(figures))
    smoothed = _smoothed(figures, pools)
    n_eff = np.minimum(np.where(own, _own_size(figures), smoothed), cap)
    df = np.where(own, figures.df, np.inf)
    rarer = np.minimum(figures.value, 1 - figures.value)
    near = _usable(figures) & (figures.remaining <= 1 - NEAR_CENSUS) & (figures.n * rarer < EXACT_BELOW)
    rare = ~near & (n_eff * rarer < EXACT_BELOW)
    adjusted = np.where(own, np.minimum(n_eff * _t_ratio(figures, level) ** 2, cap), n_eff)
    exact, score = clopper_pearson(figures.value, adjusted, level), wilson(figures.value, n_eff, level, df)
    census = hypergeometric(figures.value, figures.n, 1 - figures.remaining, cap / n_eff, level, near)
    lower, upper = (np.where(near, c, np.where(rare, e, s)) for c, e, s in zip(census, exact, score, strict=True))
    wilson_name = np.where(own, Method.WILSON_OWN, Method.WILSON_POOLED)
    exact_name = np.where(own, Method.KORN_GRAUBARD, Method.CLOPPER_PEARSON)
    method = np.where(near, Method.HYPERGEOMETRIC, np.where(rare, exact_name, wilson_name))
    return _finished(figures, np.where(rare, adjusted, n_eff), (lower, upper), method)


def _usable(figures: Figures) -> BoolArray:
    return np.asarray((figures.n > 0) & ~figures.complete & (figures.remaining > 0))


def _base(figures: Figures) -> FloatArray:
    """Effective size by the weights and the finite population alone; 1 where there is nothing to size."""
    return _divided(figures.n, figures.kish * figures.remaining, usable=_usable(figures))


def _divided(above: FloatArray, below: FloatArray, *, usable: BoolArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.ones_like(above), where=usable))


def _own_size(figures: Figures) -> FloatArray:
    spread = figures.value * (1 - figures.value)
    return np.divide(spread, figures.variance, out=np.ones_like(spread), where=figures.variance > 0)


def _pooled(figures: Figures, rows: BoolArray, code: int, base: FloatArray) -> tuple[float, float]:
    if not rows.any():
        return np.inf, 0.0
    picked = (figures.value[rows, code], figures.variance[rows, code], base[rows, code], figures.df[rows, code])
    return pooled_ratio(*picked), float(np.maximum(picked[3], 0.0).sum())


def _smoothed(figures: Figures, pools: Sequence[str]) -> FloatArray:
    """Effective sizes from the design effect pooled over units and the items of a group, floored at Kish's."""
    base, usable = _base(figures), _usable(figures)
    ratio = np.ones(figures.value.shape[1])
    for pool in set(pools):
        inside = usable & np.array([one == pool for one in pools])[None, :]
        picked = [one[inside] for one in (figures.value, figures.variance, base, figures.df)]
        if picked[3].sum() >= DF_LEAST:
            ratio[[one == pool for one in pools]] = min(pooled_ratio(*picked), 1.0)
    return base * ratio


def _t_ratio(figures: Figures, level: float) -> FloatArray:
    """`t(n - 1) / t(df)`, 1 where there are no degrees of freedom."""
    sampled = critical(level, np.maximum(figures.n - 1, 1.0))
    return np.asarray(sampled / critical(level, np.maximum(figures.df, 1.0)))


def _finished(
    figures: Figures, n_eff: FloatArray, limits: tuple[FloatArray, FloatArray], method: NDArray[np.object_]
) -> Limits:
    """Cut to what the population still allows, enclose the value, blank what has no interval."""
    usable = _usable(figures)
    lower = np.minimum(np.maximum(limits[0], figures.low), figures.value)
    upper = np.maximum(np.minimum(limits[1], figures.high), figures.value)
    empty = np.where(figures.n > 0, Method.COMPLETE, Method.NONE)
    return Limits(
        np.where(usable, lower, np.nan),
        np.where(usable, upper, np.nan),
        np.where(usable, n_eff, np.nan),
        np.where(usable, method, empty).astype(object),
    )
