"""Distances of a calibration, and the solution of its equations: ratios F(x lambda) that hit the totals.

Reference: Deville and Särndal (1992), cases 1, 2, 6 and 7.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy import sparse

from analysis.design import FloatArray


class Distance(StrEnum):
    """Distance that a calibration keeps small between the weights before and after it."""

    LINEAR = "linear"
    RAKING = "raking"
    LOGIT = "logit"


def solved(
    weights: FloatArray,
    matrix: sparse.csr_matrix,
    totals: FloatArray,
    rule: tuple[Distance, float, float],
    tolerance: float,
    max_iterations: int,
) -> tuple[FloatArray, int, FloatArray]:
    """Newton's method with step halving for the ratios F(x lambda) float64[n] that hit `totals` float64[q] of the
    auxiliaries `matrix` sparse[n, q]; `rule` is distance and bounds. Returns ratios, rounds, misfits."""
    scale = np.maximum(np.sqrt(np.asarray(matrix.multiply(matrix).T @ weights)), 1e-300)
    scaled = matrix @ sparse.diags(1.0 / scale)
    goal = totals / scale
    multipliers = np.zeros(len(totals))
    ratio, slope = _ratio(scaled @ multipliers, *rule)
    misfit = goal - scaled.T @ (weights * ratio)
    iteration = 0
    while iteration < max_iterations:
        iteration += 1
        gram = np.asarray((scaled.T @ scaled.multiply((weights * slope)[:, None]).tocsr()).todense())
        step = np.linalg.pinv(gram, rcond=1e-13, hermitian=True) @ misfit
        for _ in range(30):
            ratio, slope = _ratio(scaled @ (multipliers + step), *rule)
            found = goal - scaled.T @ (weights * ratio)
            if np.isfinite(found).all() and np.abs(found).max() <= max(np.abs(misfit).max(), 1e-300):
                break
            step = step / 2
        multipliers, misfit = multipliers + step, found
        if np.max(np.abs(misfit * scale) / (1 + np.abs(totals))) < tolerance or not np.any(step):
            break
    return ratio, iteration, np.asarray(misfit * scale)


def _ratio(u: FloatArray, distance: Distance, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """The ratio F(u) of weights after/before and its derivative, float64[n] each."""
    if distance is Distance.LOGIT:
        steep = (high - low) / ((1 - low) * (high - 1))
        grown = np.exp(np.clip(steep * u, -300, 300))
        base = high - 1 + (1 - low) * grown
        ratio = (low * (high - 1) + high * (1 - low) * grown) / base
        return ratio, (high - low) ** 2 * grown / base**2
    free = np.exp(np.clip(u, -300, 300)) if distance is Distance.RAKING else 1 + u
    inside = (free >= low) & (free <= high)
    slope = free if distance is Distance.RAKING else np.ones_like(free)
    return np.clip(free, low, high), np.where(inside, slope, 0.0)
