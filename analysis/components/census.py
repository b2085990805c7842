"""Exact limits of a share when most of the population answered: what the few unseen dossiers may still hold.

Hypergeometric limits: all population counts K for which the sample's count is not in a tail of (1 - level) / 2.
Reference: Buonaccorsi (1987), A note on confidence intervals for proportions in finite populations, Am. Stat. 41(3).
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from scipy import stats

from analysis.design import BoolArray, FloatArray

ROUNDING = 1e-6  # a count this near a whole number is one


def hypergeometric(
    share: FloatArray, n: FloatArray, fraction: FloatArray, deff: FloatArray, level: float, wanted: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Limits [0, 1] where `wanted`, else the share itself.

    `n` answers are the part `fraction` of the population, so n and n / fraction are whole dossiers. Where weights moved
    the share off a whole count, the counts below and above it give the limits; a design effect above 1 stretches them.
    """
    lower, upper = share.copy(), share.copy()
    for place in zip(*np.nonzero(wanted), strict=True):
        size, yes = round(float(n[place])), float(share[place]) * float(n[place])
        population = max(round(size / float(fraction[place])), size + 1)  # somebody is unseen
        below, above = floor(yes + ROUNDING), ceil(yes - ROUNDING)
        low, high = _one(below, size, population, level)[0], _one(above, size, population, level)[1]
        stretch = max(float(deff[place]), 1.0) ** 0.5
        lower[place] = below / size - stretch * (below / size - low)
        upper[place] = above / size + stretch * (high - above / size)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def _one(yes: int, n: int, population: int, level: float) -> tuple[float, float]:
    possible = np.arange(yes, population - (n - yes) + 1)  # satisfied dossiers that the population may have
    tail = (1 - level) / 2
    at_least = stats.hypergeom.sf(yes - 1, population, possible, n)
    at_most = stats.hypergeom.cdf(yes, population, possible, n)
    kept = possible[(at_least >= tail) & (at_most >= tail)]
    if len(kept) < 2:  # a sample is never certain: all that the unseen may hold
        kept = possible
    return float(kept.min()) / population, float(kept.max()) / population
