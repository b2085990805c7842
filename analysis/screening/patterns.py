"""Answers made up item by item, too alike in level, or too complete: sums of row scores against permuted answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from analysis.design import FloatArray, IntArray
from analysis.screening.nulls import Tails, null_maxima, pseudo_groups, standardised, tails, widening
from analysis.screening.opinions import Opinions, Placed, indicators, levels
from analysis.screening.sheets import Sheets

SHARE = 0.4  # share of made-up answers that a suspicious group is thought to have
CAP = 5.0  # largest log likelihood ratio that one answer may bring
LIFTS = (0.0, 0.5, 1.0)  # how much better than the wave the made-up answers are meant to look (exponential tilt)
SPREADS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # tilts of answers that scatter more than their level allows
TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Pattern:
    """By group: z-values and the null's quantile float64[G], p-values; by row the evidence float64[n] that it is made
    up (posterior, 0..1), or None where no row can be named."""

    z: FloatArray
    tails: Tails
    rows: FloatArray | None


def made_up(
    sheets: Sheets, model: Opinions, placed: Placed, codes: IntArray, groups: int, rng: np.random.Generator
) -> Pattern:
    """Answers as if each item had been picked by itself, with the wave's own frequencies or somewhat better ones.

    Row score: `log(1 - s + s e^l)` with l the log likelihood ratio of independent items against the model of opinions
    and s = SHARE; group statistic: the largest z over the LIFTS, each widened by the groups' own spread.
    Reference: the mixture likelihood ratio (Titterington, Smith, Makov 1985, ch. 5).
    """
    ratios = _ratios(sheets, model, LIFTS) - placed.loglik[:, None]
    return _pattern(ratios, sheets.context, codes, groups, rng)


def scattered(
    sheets: Sheets, model: Opinions, placed: Placed, codes: IntArray, groups: int, rng: np.random.Generator
) -> Pattern:
    """Answers whose items scatter more than those of people of the same level do (as random clicking does).

    Row score as in `made_up` with the best of the SPREADS and of equal chances for every code, compared inside classes
    of opinion and modes, so that a unit's own level does not count.
    """
    steps = sheets.steps
    best = _ratios(sheets, model, SPREADS).max(axis=1)
    even = -np.log(steps) * (sheets.values > 0).sum(axis=1)
    inside = _within(sheets, model, placed)
    ratio = (np.maximum(best, even) - inside)[:, None]
    strata = placed.best * (int(sheets.context.max(initial=0)) + 1) + sheets.context
    strata = np.unique(strata, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return _pattern(ratio, strata, codes, groups, rng)


def alike(sheets: Sheets, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    """Too small variance of the answers' levels inside a group (one hand behind many forms).

    The level is a normal score less the group's mean; statistic: minus the log variance, standardised by its median
    and spread over the groups; null: pseudo-groups of permuted residuals, centred in the same way.
    """
    inside = codes >= 0
    n = np.maximum(np.bincount(codes[inside], minlength=groups), 1)
    score = special.ndtri((stats.rankdata(levels(sheets)) - 0.5) / sheets.rows)
    mean = np.bincount(codes[inside], score[inside], minlength=groups) / n
    residual = (score[inside] - mean[codes[inside]]) * np.sqrt(n / np.maximum(n - 1, 1))[codes[inside]]
    squares = np.bincount(codes[inside], (score[inside] - mean[codes[inside]]) ** 2, minlength=groups)
    z = -np.log(np.maximum(squares / np.maximum(n - 1, 1), TINY)) + np.log(residual.var())
    scale = np.sqrt(_log_variance_spread(residual) / np.maximum(n - 1, 1))
    z = z / scale
    wide = widening(z[:, None])[0]

    def null(size: int) -> FloatArray:
        return _small_variances(residual, size, rng)

    found = tails(z / wide, n, null)
    return Pattern(z, Tails(found.p, found.quantile * wide), None)


def too_complete(sheets: Sheets, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    """Fewer answers with an item left empty than the wave's others of the same mode have."""
    whole = np.where(sheets.unanswered.any(axis=1), 0.0, 1.0)[:, None]
    return _summed(whole, sheets.context, codes, groups, rng)


def _pattern(ratios: FloatArray, strata: IntArray, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    capped = np.clip(ratios, -50.0, CAP)
    scores = np.log1p(SHARE * np.expm1(capped))
    found = _summed(scores, strata, codes, groups, rng)
    odds = SHARE / (1 - SHARE) * np.exp(capped.max(axis=1))
    return Pattern(found.z, found.tails, odds / (1 + odds))


def _summed(scores: FloatArray, strata: IntArray, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    z = standardised(scores, strata, codes, groups)
    wide = widening(z)
    best = (z / wide).max(axis=1)
    sizes = np.bincount(codes[codes >= 0], minlength=groups)
    return Pattern(best, tails(best, sizes, lambda size: null_maxima(scores, strata, size, rng)), None)


def _ratios(sheets: Sheets, model: Opinions, tilts: tuple[float, ...]) -> FloatArray:
    """Log likelihood of independent items with the wave's frequencies tilted by `e^(t x)`, float64[n, T]."""
    codes = np.arange(1, sheets.steps + 1)
    logs = []
    for tilt in tilts:
        tilted = model.overall * np.exp(tilt * (codes - codes.mean()))
        logs.append(np.log(np.maximum(tilted / tilted.sum(axis=1, keepdims=True), TINY)).reshape(-1))
    marks = indicators(sheets.values, sheets.steps)
    return np.asarray(marks @ np.array(logs, dtype=np.float32).T, dtype=np.float64)


def _within(sheets: Sheets, model: Opinions, placed: Placed) -> FloatArray:
    """Log likelihood given the class of opinion, the classes' shares left out: the best class's, float64[n]."""
    logs = np.log(np.maximum(model.answers, TINY)).reshape(len(model.shares), -1).astype(np.float32)
    joint = indicators(sheets.values, sheets.steps) @ logs.T
    return np.asarray(joint[np.arange(sheets.rows), placed.best], dtype=np.float64)


def _log_variance_spread(residual: FloatArray) -> float:
    """Variance of a log sample variance times its degrees of freedom: `2 + excess kurtosis`."""
    return max(float(stats.kurtosis(residual)) + 2.0, 0.2)


def _small_variances(residual: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    scale = np.sqrt(_log_variance_spread(residual) / max(size - 1, 1))
    found = []
    for rows in pseudo_groups(len(residual), size, rng):
        variance = residual[rows].var(axis=1, ddof=1) if size > 1 else np.ones(len(rows))
        found.append((np.log(residual.var()) - np.log(np.maximum(variance, TINY))) / scale)
    return np.concatenate(found)
