"""Answers made up item by item, too alike in level, or too complete: sums of row scores against permuted answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.screening.nulls import Tails, draws_for, null_maxima, pseudo_groups, standardised, tails, widening
from analysis.screening.opinions import Opinions, Placed, levels, likelihoods
from analysis.screening.sheets import Sheets

SHARE = 0.4  # share of made-up answers that a suspicious group is thought to have
CAP = 5.0  # largest log likelihood ratio that one answer may bring
COMPLETE = 0.97  # share of the made-up answers that leave no item empty
TOP_CHANCES = (0.5, 0.65, 0.8)  # chances of the top code where only the two top codes are used
OTHER_CODES = 0.005  # chance of each other code there
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
    """Answers as if each item had been picked by itself, with the wave's own frequencies.

    Row score: `log(1 - s + s e^l)` with l the log likelihood ratio of independent items against the model of opinions,
    without and with that of leaving nothing empty, at most CAP, and s = SHARE; the larger of the group's two sums is
    compared with sums of permuted trusted answers of the same mode, widened by the groups' own spread. Reference:
    mixture likelihood ratio, Titterington, Smith, Makov (1985) ch. 5.
    """
    ratios = _tilted(sheets, model, (0.0,)) - placed.loglik[:, None]
    return _pattern(sheets, ratios, sheets.context, codes, groups, rng)


def top_codes(sheets: Sheets, placed: Placed, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    """Answers as if somebody had clicked through the two top codes by chance, "good" and "very good" without a cause.

    As `made_up` with the chances TOP_CHANCES of the top code; statistic: the largest z over them.
    """
    steps, items = sheets.steps, sheets.values.shape[1]
    chances = np.full((len(TOP_CHANCES), steps), OTHER_CODES)
    chances[:, steps - 1] = TOP_CHANCES
    chances[:, max(steps - 2, 0)] = 1 - np.array(TOP_CHANCES)
    logs = np.log(chances / chances.sum(axis=1, keepdims=True))
    ratios = likelihoods(sheets, np.repeat(logs[:, None, :], items, axis=1)) - placed.loglik[:, None]
    return _pattern(sheets, ratios, sheets.context, codes, groups, rng)


def scattered(
    sheets: Sheets, model: Opinions, placed: Placed, codes: IntArray, groups: int, rng: np.random.Generator
) -> Pattern:
    """Answers whose items scatter more than those of people of the same level do (as random clicking does).

    Row score as in `made_up` with the best of the SPREADS and of equal chances for every code, compared inside classes
    of opinion and modes, so that a unit's own level does not count.
    """
    steps = sheets.steps
    best = _tilted(sheets, model, SPREADS).max(axis=1)
    even = -np.log(steps) * (sheets.values > 0).sum(axis=1)
    inside = _within(sheets, model, placed)
    ratio = (np.maximum(best, even) - inside)[:, None]
    strata = placed.best * (int(sheets.context.max(initial=0)) + 1) + sheets.context
    strata = np.unique(strata, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return _pattern(sheets, ratio, strata, codes, groups, rng)


def alike(sheets: Sheets, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    """Too small variance of the answers' levels inside a group (one hand behind many forms).

    The level is a normal score less its group's mean; statistic: minus the log variance against that of all residuals
    by its large-sample standard error; null: pseudo-groups of permuted residuals, widened by the groups' own spread.
    Reference: Box (1953), Biometrika 40, for the variance of a log variance by the kurtosis.
    """
    inside = codes >= 0
    n = np.maximum(np.bincount(codes[inside], minlength=groups), 1)
    score = special.ndtri((stats.rankdata(levels(sheets)) - 0.5) / sheets.rows)
    mean = np.bincount(codes[inside], score[inside], minlength=groups) / n
    residual = (score[inside] - mean[codes[inside]]) * np.sqrt(n / np.maximum(n - 1, 1))[codes[inside]]
    squares = np.bincount(codes[inside], (score[inside] - mean[codes[inside]]) ** 2, minlength=groups)
    residual = residual[~sheets.doubted[inside]]
    z = -np.log(np.maximum(squares / np.maximum(n - 1, 1), TINY)) + np.log(max(residual.var(), TINY))
    scale = np.sqrt(_log_variance_spread(residual) / np.maximum(n - 1, 1))
    z = z / scale
    wide = widening(z[:, None])[0]

    def null(size: int) -> FloatArray:
        return _small_variances(residual, size, draws_for(groups), rng)

    found = tails(z / wide, n, null)
    return Pattern(z, Tails(found.p, found.quantile * wide), None)


def too_complete(sheets: Sheets, codes: IntArray, groups: int, rng: np.random.Generator) -> Pattern:
    """Fewer answers with an item left empty than the wave's others of the same mode have."""
    whole = np.where(sheets.unanswered.any(axis=1), 0.0, 1.0)[:, None]
    return _summed(sheets, whole, sheets.context, codes, groups, rng)


def _pattern(
    sheets: Sheets, ratios: FloatArray, strata: IntArray, codes: IntArray, groups: int, rng: np.random.Generator
) -> Pattern:
    whole = _completeness(sheets)[:, None]
    capped = np.clip(np.hstack([ratios, ratios + whole]) if whole.any() else ratios, -50.0, CAP)
    scores = np.log1p(SHARE * np.expm1(capped))
    found = _summed(sheets, scores, strata, codes, groups, rng)
    odds = SHARE / (1 - SHARE) * np.exp(capped.max(axis=1))
    return Pattern(found.z, found.tails, odds / (1 + odds))


def _completeness(sheets: Sheets) -> FloatArray:
    """Log likelihood ratio of leaving an item empty or none, made up (COMPLETE leave none) against the trusted answers
    of the same mode, float64[n]: who invents an answer has no reason to skip."""
    empty: BoolArray = np.asarray(sheets.unanswered.any(axis=1))
    modes = sheets.context[sheets.trusted]
    count = int(sheets.context.max(initial=0)) + 1
    seen = np.bincount(modes, empty[sheets.trusted], minlength=count)
    honest = ((seen + 0.5) / (np.bincount(modes, minlength=count) + 1.0))[sheets.context]
    made = np.minimum(1 - COMPLETE, honest)
    return np.asarray(np.where(empty, np.log(made / honest), np.log((1 - made) / (1 - honest))))


def _summed(
    sheets: Sheets, scores: FloatArray, strata: IntArray, codes: IntArray, groups: int, rng: np.random.Generator
) -> Pattern:
    trusted = sheets.trusted
    z = standardised(scores, strata, codes, groups, trusted)
    wide = widening(z)
    best = (z / wide).max(axis=1)
    sizes, draws = np.bincount(codes[codes >= 0], minlength=groups), draws_for(groups)

    def null(size: int) -> FloatArray:
        return null_maxima(scores[trusted], strata[trusted], size, draws, rng)

    return Pattern(best, tails(best, sizes, null), None)


def _tilted(sheets: Sheets, model: Opinions, tilts: tuple[float, ...]) -> FloatArray:
    """Log likelihood of independent items with the wave's frequencies tilted by `e^(t x)`, float64[n, T]."""
    codes = np.arange(1, sheets.steps + 1)
    weights = np.exp(np.array(tilts)[:, None] * (codes - codes.mean()))
    tilted = model.overall[None, :, :] * weights[:, None, :]
    return likelihoods(sheets, np.log(np.maximum(tilted / tilted.sum(axis=2, keepdims=True), TINY)))


def _within(sheets: Sheets, model: Opinions, placed: Placed) -> FloatArray:
    """Log likelihood of every answer in its own class of opinion, float64[n]."""
    joint = likelihoods(sheets, np.log(np.maximum(model.answers, TINY)))
    return np.asarray(joint[np.arange(sheets.rows), placed.best])


def _log_variance_spread(residual: FloatArray) -> float:
    """Variance of a log sample variance times its degrees of freedom: `2 + excess kurtosis`; 2 without variation."""
    return max(float(stats.kurtosis(residual)) + 2.0, 0.2) if residual.var() > TINY else 2.0


def _small_variances(residual: FloatArray, size: int, draws: int, rng: np.random.Generator) -> FloatArray:
    scale = np.sqrt(_log_variance_spread(residual) / max(size - 1, 1))
    found = []
    for rows in pseudo_groups(len(residual), size, draws, rng):
        drawn = residual[rows.reshape(-1, rows.shape[2])]
        variance = drawn.var(axis=1, ddof=1) if drawn.shape[1] > 1 else np.ones(len(drawn))
        found.append((np.log(max(residual.var(), TINY)) - np.log(np.maximum(variance, TINY))) / scale)
    return np.concatenate(found)
