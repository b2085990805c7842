"""Straight lines and long runs of one answer: their rate in a group against what the group's other answers let expect.

A sincere answer may be all fives, and a good unit has many; so the answer is no evidence, the rate is, and it is
compared with the rate of groups whose *other* answers are as satisfied. Reference: Meade and Craig (2012),
Psychological Methods 17; Curran (2016), JESP 66 (the indices); RELIABILITY.md section 4 (rates, not persons).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.screening.nulls import SHOWN
from analysis.screening.opinions import levels
from analysis.screening.sheets import Sheets

LINE_ITEMS = 8  # valid answers that a straight line needs, or all items of a shorter form
RUN_SHARE = 0.75  # of the items, for a long run
LEAST_EXCESS = 0.005  # correlation inside a group that is taken at least: no two units have quite the same rate
ROUNDS = 5
FAR = 3.0  # residual from which a group does not take part in the fit
RIDGE = 1e-2
PARTITION = 15  # groups that a mode needs for a fit of its own


@dataclass(frozen=True, eq=False)
class Rates:
    """By group: rows counted, expected, the null's quantile and upper p-values, float64[G] each."""

    count: FloatArray
    expected: FloatArray
    quantile: FloatArray
    p: FloatArray


def straight(sheets: Sheets) -> BoolArray:
    """Answers with one and the same value in all valid items, bool[n]."""
    values, valid = sheets.values, sheets.values > 0
    low = np.where(valid, values, 127).min(axis=1)
    enough = valid.sum(axis=1) >= min(LINE_ITEMS, values.shape[1])
    return np.asarray((low == values.max(axis=1)) & enough)


def long_runs(sheets: Sheets) -> BoolArray:
    """Answers with a run of one value over RUN_SHARE of the items (missing cells do not break it), bool[n]."""
    least = max(int(np.ceil(RUN_SHARE * sheets.values.shape[1])), min(LINE_ITEMS, sheets.values.shape[1]))
    longest = np.zeros(sheets.rows, dtype=np.int64)
    run, last = longest.copy(), np.zeros(sheets.rows, dtype=np.int8)
    for column in sheets.values.T:
        valid = column > 0
        run = np.where(valid, np.where(column == last, run + 1, 1), run)
        last = np.where(valid, column, last)
        longest = np.maximum(longest, run)
    return np.asarray(longest >= least)


def rates(sheets: Sheets, marked: BoolArray, codes: IntArray, groups: int) -> Rates:
    """Marked rows of each group against a logistic regression of the groups' rates on the level of their other rows.

    The level is a normal score; groups far above the fit are left out of it (they are what is sought); variation
    between groups beyond the binomial (at least LEAST_EXCESS) enters a beta-binomial tail. Groups of a mode are fitted
    together when there are PARTITION of them, by those that are not doubted.
    """
    inside = codes >= 0
    n = np.bincount(codes[inside], minlength=groups).astype(np.float64)
    y = np.bincount(codes[inside & marked], minlength=groups).astype(np.float64)
    score = _normal_scores(levels(sheets))
    rest = inside & ~marked
    others = np.bincount(codes[rest], minlength=groups)
    level = np.bincount(codes[rest], score[rest], minlength=groups) / (others + 1.0)
    trusted = np.bincount(codes[inside & sheets.doubted], minlength=groups) * 2 < n
    context = _main_context(sheets.context[inside], codes[inside], groups)
    result = Rates(y, np.zeros(groups), np.zeros(groups), np.ones(groups))
    for part in _partitions(context, n > 0):
        p, rho = _fitted(level[part], y[part], n[part], trusted[part])
        result.expected[part] = n[part] * p
        result.p[part], result.quantile[part] = overdispersed_tail(y[part], n[part], p, rho)
    return result


def overdispersed_tail(y: FloatArray, n: FloatArray, p: FloatArray, rho: float) -> tuple[FloatArray, FloatArray]:
    """`P(Y >= y)` and the quantile SHOWN of beta-binomials with mean n p and correlation rho (binomial at 0)."""
    law = stats.binom(n, p) if rho <= 0 else stats.betabinom(n, p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho)
    return np.asarray(law.sf(y - 1)), np.asarray(law.ppf(SHOWN))


def excess_correlation(y: FloatArray, n: FloatArray, p: FloatArray, parameters: int) -> float:
    """Correlation inside groups from Pearson's statistic `(X^2 / df - 1) / (mean n - 1)`, 0..0.5; residuals beyond FAR
    count as FAR. Reference: Williams (1982), Applied Statistics 31, method of moments."""
    residual = np.minimum(np.abs(_residuals(y, n, p)), FAR)
    ratio = float((residual**2).sum()) / max(len(y) - parameters, 1)
    return float(np.clip((ratio - 1) / max(float(n.mean()) - 1, 1.0), 0.0, 0.5))


def _fitted(level: FloatArray, y: FloatArray, n: FloatArray, trusted: BoolArray) -> tuple[FloatArray, float]:
    x = np.column_stack([np.ones(len(y)), level])
    keep = trusted
    for _ in range(ROUNDS):
        p = special.expit(x @ _logistic(x[keep], y[keep], n[keep]))
        keep = trusted & (_residuals(y, n, p) < FAR)
    return p, max(excess_correlation(y[keep], n[keep], p[keep], x.shape[1]), LEAST_EXCESS)


def _logistic(x: FloatArray, y: FloatArray, n: FloatArray) -> FloatArray:
    """Newton steps of a logistic regression of counts y of n, with a small ridge on the slope for groups without any
    marked row."""
    penalty = RIDGE * np.eye(x.shape[1])
    start = (y.sum() + 0.5) / (n.sum() + 1.0)
    beta = np.zeros(x.shape[1])
    beta[0] = special.logit(start)
    centre = beta.copy()
    for _ in range(25):
        p = special.expit(x @ beta)
        slope = x.T @ (y - n * p) - penalty @ (beta - centre)
        step = np.linalg.solve(x.T @ (x * (n * p * (1 - p))[:, None]) + penalty, slope)
        beta = beta + np.clip(step, -2.0, 2.0)
    return beta


def _residuals(y: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    return np.asarray((y - n * p) / np.sqrt(np.maximum(n * p * (1 - p), 1e-12)))


def _normal_scores(values: FloatArray) -> FloatArray:
    return np.asarray(special.ndtri((stats.rankdata(values) - 0.5) / len(values)))


def _main_context(context: IntArray, codes: IntArray, groups: int) -> IntArray:
    """The context of most rows of each group, int64[G]."""
    counts = np.zeros((groups, int(context.max(initial=0)) + 1))
    np.add.at(counts, (codes, context), 1.0)
    return np.asarray(counts.argmax(axis=1), dtype=np.int64)


def _partitions(context: IntArray, used: BoolArray) -> list[BoolArray]:
    large = [one for one in np.unique(context[used]) if (used & (context == one)).sum() >= PARTITION]
    rest = used & ~np.isin(context, large)
    parts = [used & (context == one) for one in large]
    return [*parts, rest] if rest.any() else parts
