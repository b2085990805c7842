"""Ranks with the set of ranks that the data cannot rule out.

Klein, Wright and Wieczorek: with joint 95 % limits, units whose limits lie wholly above (below) a unit's are better
(worse) than it; everybody else may be either. Reference: Klein, Wright, Wieczorek (2020), JRSS-C 69(3), 589-606.
"""

from __future__ import annotations

import numpy as np

from analysis.design import BoolArray, FloatArray
from analysis.intervals import critical

EQUAL = 1e-9  # difference of exact figures that only arithmetic makes

RankSet = tuple[FloatArray, FloatArray]


def joint_level(level: float, units: int) -> float:
    """Level of each unit's interval so that all hold together (Šidák; independent or any jointly normal estimates)."""
    return float(level ** (1.0 / max(units, 1)))


def plain_ranks(values: FloatArray) -> FloatArray:
    """Rank 1 for the largest value, the same rank for equal ones (1, 2, 2, 4); NaN where there is none."""
    known = np.sort(values[~np.isnan(values)])
    ahead = len(known) - np.searchsorted(known, values, side="right")
    return np.where(np.isnan(values), np.nan, 1.0 + ahead)


def rank_sets(lower: FloatArray, upper: FloatArray, ranked: BoolArray) -> RankSet:
    """First and last possible rank from joint limits [U]; NaN for units that are not ranked."""
    count = int(ranked.sum())
    above = count - np.searchsorted(np.sort(lower[ranked]), upper, side="right")  # units surely above
    below = np.searchsorted(np.sort(upper[ranked]), lower, side="left")
    return np.where(ranked, 1.0 + above, np.nan), np.where(ranked, count - below, np.nan)


def rank_sets_joint(value: FloatArray, covariance: FloatArray, ranked: BoolArray, level: float) -> RankSet:
    """Rank sets from all pairwise differences with their covariance [U, U] (units that share raters), each pair at the
    Bonferroni level; sharper than joint limits where estimates move together."""
    count = int(ranked.sum())
    if count < 2:
        return _places(np.zeros((len(value), len(value)), dtype=np.bool_), ranked)
    c = critical(1.0 - (1.0 - level) / (count * (count - 1) / 2))
    own = np.diag(covariance)
    spread = np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * covariance, 0.0))
    difference = value[:, None] - value[None, :]
    better = (difference > c * spread + EQUAL) & ranked[:, None] & ranked[None, :]
    return _places(better, ranked)


def _places(better: BoolArray, ranked: BoolArray) -> RankSet:
    first, last = 1.0 + better.sum(axis=0), ranked.sum() - better.sum(axis=1).astype(np.float64)
    return np.where(ranked, first, np.nan), np.where(ranked, last, np.nan)
