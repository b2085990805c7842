"""Exact limits of a share when most of the population answered: what the few unseen dossiers may still hold.

Hypergeometric limits: all population counts K for which the sample's count is not in a tail of (1 - level) / 2.
Reference: Buonaccorsi (1987), A note on confidence intervals for proportions in finite populations, Am. Stat. 41(3).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.design import BoolArray, FloatArray


def hypergeometric(
    share: FloatArray, n: FloatArray, fraction: FloatArray, deff: FloatArray, level: float, wanted: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Limits [0, 1] where `wanted`, else the share itself.

    `n` answers are the part `fraction` of the population, so n and n / fraction are whole dossiers. A share that weights
    moved off a whole count keeps the distances of the nearest one; a design effect above 1 stretches them by its root.
    """
    lower, upper = share.copy(), share.copy()
    for place in zip(*np.nonzero(wanted), strict=True):
        size, p = round(float(n[place])), float(share[place])
        population = max(round(size / float(fraction[place])), size)
        low, high = _one(round(p * size), size, population, level)
        middle, stretch = round(p * size) / size, max(float(deff[place]), 1.0) ** 0.5
        lower[place], upper[place] = p - stretch * (middle - low), p + stretch * (high - middle)
    return np.clip(lower, 0.0, 1.0), np.clip(upper, 0.0, 1.0)


def _one(yes: int, n: int, population: int, level: float) -> tuple[float, float]:
    possible = np.arange(yes, population - (n - yes) + 1)  # satisfied dossiers that the population may have
    tail = (1 - level) / 2
    at_least = stats.hypergeom.sf(yes - 1, population, possible, n)
    at_most = stats.hypergeom.cdf(yes, population, possible, n)
    kept = possible[(at_least >= tail) & (at_most >= tail)]
    return float(kept.min()) / population, float(kept.max()) / population
