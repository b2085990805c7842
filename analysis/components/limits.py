"""95 % limits of the figures: which effective size, which interval, and what is said when there is none.

An index of many items: Wilson at the level's pooled effective-size ratio. One item that is a share: Wilson at its own
design effect (df >= 8), else a smoothed one, exact limits near 0 and 1. A few clusters know little of their own design
effect: it leans on that of the items, and theirs on the planned one. A complete unit: none (STATISTICS.md).
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
DF_CLUSTERED = 60  # from which the design effect of a clustered index stands on its own feet (README.md section 5)
CLUSTERED = 2.0  # answers a degree of freedom from which a sample counts as clustered
PLANNED_ICC = 0.05  # intraclass correlation that is planned with (METHOD.md section 3), where clusters cannot tell
EXACT_BELOW = 5.0  # expected answers of the rarer kind under which the limits are exact
NEAR_CENSUS = 0.5  # answered share of the population from which the exact limits count the unseen dossiers
CONFIDENCE = 0.95


class Method(StrEnum):
    """How an interval was made (column `ci_method`)."""

    NONE = ""
    COMPLETE = "complete"
    WILSON_POOLED = "wilson_pooled"  # effective size from the design effect pooled over the level's units or the items
    WILSON_OWN = "wilson_own"  # from the figure's own variance, with few clusters half from its items'
    WILSON_KISH = "wilson_kish"  # from the weights, in clusters the items: the figure itself does not vary
    KORN_GRAUBARD = "korn_graubard"  # exact limits at the own effective size
    CLOPPER_PEARSON = "clopper_pearson"  # exact limits at the smoothed effective size
    SQUARE_AND_ADD = "square_and_add"  # points of several waves: the squared distances of their limits added up
    HYPERGEOMETRIC = "hypergeometric"  # exact limits for the few dossiers that did not answer


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits on the share's scale, [U, C]; NaN where there is no interval (`Method.NONE`, `Method.COMPLETE`)."""

    lower: FloatArray
    upper: FloatArray
    n_eff: FloatArray
    method: NDArray[np.object_]


@dataclass(frozen=True)
class _Pool:
    """What a pooled design effect rests on: degrees of freedom, answers, units."""

    df: float
    answers: float
    units: int

    @property
    def cluster(self) -> float:
        """Answers a cluster, when every unit is one stratum; 1 when nothing is clustered."""
        size = self.answers / max(self.df + self.units, 1.0)
        return size if size >= CLUSTERED else 1.0

    @property
    def clustered(self) -> bool:
        return self.cluster > 1.0

    @property
    def planned(self) -> float:
        return 1.0 + (self.cluster - 1.0) * PLANNED_ICC


def pooled_limits(figures: Figures, level: float, item_effect: float = 1.0) -> Limits:
    """Index figures: Wilson at `n / (kish (1 - f)) x ratio`, the ratio pooled over the units for each code.

    Kish's design effect and the finite population are known for each unit and enter its own effective size; what the
    pool estimates is the rest (correlation of the items, strata, clusters, calibration). Uncapped; t with the pool's
    degrees of freedom. With fewer than DF_LEAST of them, or no variation, the index is as uncertain as one item.
    In a clustered sample with fewer than DF_CLUSTERED degrees of freedom the design effect is half the pool's own and
    half `item_effect` (`smoothed_effect` of the items), the own share growing from DF_CLUSTERED / 2, with a normal z.
    """
    base = _base(figures)
    usable = _usable(figures)
    ratio, df = np.ones(figures.value.shape[1]), np.full(figures.value.shape[1], np.inf)
    own = np.zeros(len(ratio), dtype=np.bool_)
    for code in range(len(ratio)):
        found, pool = _pooled(figures, usable[:, code], code, base)
        if pool.clustered and pool.df < DF_CLUSTERED:
            own[code] = np.isfinite(found)
            ratio[code] = 1.0 / _leaning(1.0 / found, item_effect, pool.df) if own[code] else 1.0 / item_effect
        elif pool.df >= DF_LEAST and np.isfinite(found):
            ratio[code], df[code], own[code] = found, pool.df, True
    n_eff = base * ratio
    name = Method.WILSON_POOLED if len(figures.value) > 1 else Method.WILSON_OWN
    method = np.where(own, name, Method.WILSON_KISH)
    return _finished(figures, n_eff, wilson(figures.value, n_eff, level, df), method)


def smoothed_effect(figures: Figures, chosen: BoolArray) -> float:
    """Design effect of one item beside its weights and finite population, pooled over units and the `chosen` items
    bool[k], never below 1 (Kish's alone).

    Items of one person share their clusters, so a unit's degrees of freedom count once; under DF_LEAST of them the
    pooled value is mixed with the planned `1 + (m - 1) PLANNED_ICC`, m the answers a cluster.
    Reference: Franco, Little, Louis, Slud (2019); Wolter (2007) ch. 7 on smoothing by group; Kish (1965) 5.4.
    """
    inside = _usable(figures) & chosen[None, :]
    picked = [one[inside] for one in (figures.value, figures.variance, _base(figures), figures.df)]
    units = inside.any(axis=1)
    n, df = (np.where(inside, one, 0.0).max(axis=1, initial=0.0)[units] for one in (figures.n, figures.df))
    pool = _Pool(float(np.maximum(df, 0.0).sum()), float(n.sum()), int(units.sum()))
    ratio = pooled_ratio(*picked)
    share = min(pool.df / DF_LEAST, 1.0) if np.isfinite(ratio) else 0.0
    return max(share / ratio + (1.0 - share) * pool.planned, 1.0)


def item_limits(figures: Figures, pools: Sequence[str], level: float) -> Limits:
    """Shares of one item (top2box). `pools` names for each code the item group whose units and items are pooled.

    Effective size: own `p(1-p)/V` with df >= DF_LEAST and V > 0, else by the pool's `smoothed_effect` (never above
    Kish's), in any case at most n / (1 - f). With fewer than EXACT_BELOW answers of the rarer kind: Clopper-Pearson at
    that size, Korn and Graubard's t-adjusted one when it is the own; hypergeometric when NEAR_CENSUS or more of the
    population answered.
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


def _pooled(figures: Figures, rows: BoolArray, code: int, base: FloatArray) -> tuple[float, _Pool]:
    if not rows.any():
        return np.inf, _Pool(0.0, 0.0, 0)
    df = np.maximum(figures.df[rows, code], 0.0)
    pool = _Pool(float(df.sum()), float(figures.n[rows, code].sum()), int(rows.sum()))
    return pooled_ratio(figures.value[rows, code], figures.variance[rows, code], base[rows, code], df), pool


def _leaning(own: float, item_effect: float, df: float) -> float:
    """The design effect of a clustered index with few degrees of freedom, between its own and that of its items."""
    share = max(df / DF_CLUSTERED, 0.5)
    return share * own + (1.0 - share) * item_effect


def _smoothed(figures: Figures, pools: Sequence[str]) -> FloatArray:
    """Effective sizes from the design effect pooled over units and the items of a group."""
    ratio = np.ones(figures.value.shape[1])
    for pool in set(pools):
        inside = np.array([one == pool for one in pools])
        ratio[inside] = 1.0 / smoothed_effect(figures, inside)
    return _base(figures) * ratio


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
