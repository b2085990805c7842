"""Limits that the reference reaches by its own arithmetic; `analysis.intervals` has the exact ones for the product."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats

from analysis import intervals
from analysis.design import FloatArray

STEPS = 10
SATURATED = 30.0  # logits beyond this are fitted as the smallest share that is not zero

Pair = tuple[float, float]


def logit_limits(p: float, se: float, level: float, df: float) -> Pair:
    """Logit limits whose critical value takes the way round over a normal level, so that large ones become infinite;
    at 0 and 1 the fitted logit's limits coincide with the value."""
    if df <= 0:
        return math.nan, math.nan
    normal_level = 1 - 2 * float(stats.norm.cdf(-float(intervals.critical(level, df))))
    z = -float(stats.norm.ppf((1 - normal_level) / 2))
    if math.isinf(z):
        return 0.0, math.nan
    if not 0 < p < 1:
        return p, p
    middle, half = float(special.logit(p)), z * se / (p * (1 - p))
    return float(special.expit(middle - half)), float(special.expit(middle + half))


def likelihood_limits(p: float, se: float, sample: tuple[FloatArray, FloatArray], level: float, df: float) -> Pair:
    """Profile likelihood limits read off an interpolating spline through at most ten points on each side.

    `sample`: weights and indicators of the rows that the reference counts.
    """
    if not 0 < p < 1 or df <= 0 or se <= 0:
        return math.nan, math.nan
    weights, yes = sample
    rows, positive = len(weights), int((weights > 0).sum())
    link_se = se / (p * (1 - p))
    fitted = _working_share(weights[weights > 0] / weights.mean(), yes[weights > 0])
    cutoff = float(intervals.critical(level, df)) * link_se * math.sqrt(rows * fitted * (1 - fitted))
    reach = float(stats.t.isf(stats.norm.sf(cutoff) / 4, rows - 1))
    if math.isinf(reach):
        return 0.0, math.nan
    points, roots = _profile(p, link_se, reach, rows * (positive - 1) / positive)
    order = np.argsort(points)
    grid, height = _spline(points[order], roots[order])
    nodes, place = np.unique(height, return_inverse=True)
    means = np.bincount(place.reshape(-1), weights=grid) / np.bincount(place.reshape(-1))
    found = np.interp([-cutoff, cutoff], nodes, means, left=np.nan, right=np.nan)
    return float(special.expit(found[0])), float(special.expit(found[1]))


def _working_share(weights: FloatArray, yes: FloatArray) -> float:
    """The share at which the last round of iteratively reweighted least squares took its working weights."""
    mu = (weights * yes + 0.5) / (weights + 1)
    eta = special.logit(mu)
    deviance = math.inf
    for _ in range(25):
        working = weights * mu * (1 - mu)
        coefficient = float((working * (eta + (yes - mu) / (mu * (1 - mu)))).sum() / working.sum())
        eta, previous = np.full_like(mu, coefficient), mu
        mu = special.expit(eta)
        found = 2 * float((weights * (special.rel_entr(yes, mu) + special.rel_entr(1 - yes, 1 - mu))).sum())
        if abs(found - deviance) / (abs(found) + 0.1) < 1e-8:
            break
        deviance = found
    return float(previous[0])


def _profile(p: float, link_se: float, reach: float, weight: float) -> tuple[FloatArray, FloatArray]:
    """Logits on a grid around p's and the signed roots of their scaled deviances."""
    middle = float(special.logit(p))
    points, roots = [middle], [0.0]
    for sign in (-1.0, 1.0):
        step, root = 1, 0.0
        while step < STEPS and abs(root) < reach:
            point = middle + sign * step * reach / 5 * link_se
            held = point if abs(point) <= SATURATED else math.copysign(-math.log(np.finfo(float).eps), point)
            deviance = 2 * (special.rel_entr(p, special.expit(held)) + special.rel_entr(1 - p, special.expit(-held)))
            root = sign * math.sqrt(max(float(deviance) * weight, 0.0))
            points.append(point)
            roots.append(root)
            step += 1
    return np.array(points), np.array(roots)


def _spline(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cubic spline of Forsythe, Malcolm and Moler (1977), end thirds from four points, at 3 n equal steps."""
    n = len(x)
    h, slope = np.diff(x), np.diff(y) / np.diff(x)
    system, right = np.zeros((n, n)), np.zeros(n)
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i] = 6 * (slope[i] - slope[i - 1])
    for row, near, first in ((0, 0, 0), (n - 1, n - 2, n - 4)):
        system[row, near : near + 2] = -1.0, 1.0
        right[row] = 6 * h[near] * _third_difference(x[first : first + 4], y[first : first + 4])
    second = np.linalg.solve(system, right)
    grid = np.linspace(x[0], x[-1], 3 * n)
    left = np.clip(np.searchsorted(x, grid, side="right") - 1, 0, n - 2)
    a, b = (x[left + 1] - grid) / h[left], (grid - x[left]) / h[left]
    bend = ((a**3 - a) * second[left] + (b**3 - b) * second[left + 1]) * h[left] ** 2 / 6
    return grid, a * y[left] + b * y[left + 1] + bend


def _third_difference(x: FloatArray, y: FloatArray) -> float:
    for order in range(1, 4):
        y = np.diff(y) / (x[order:] - x[:-order])
    return float(y[0])
