"""Near copies: pairs of answers in one group that agree where people of that opinion seldom do.

The weight of a pair is the log likelihood ratio of "one is a copy of the other with a share SLIP of the items changed"
against "two people of these opinions answering by themselves": agreement on a rare answer counts much, on a common one
nothing (two answers of all fives weigh nothing), disagreement counts against. Percent match with a fixed bound (the
85 % rule) is not used: it flags honest, satisfied answers (RELIABILITY.md section 4; Kuriakose and Robbins 2016,
Statistical Journal of the IAOS 32; Simmons, Mercer, Schwarzer, Kennedy 2016, same issue).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.design import FloatArray, IntArray
from analysis.screening.nulls import SHOWN, draws_for, pseudo_groups, size_classes
from analysis.screening.opinions import Opinions, Placed, Single, evenly, indicators
from analysis.screening.sheets import Sheets, members

SLIP = 0.1  # share of items that a copier changes
WEIGHT = 1.5  # log likelihood ratio from which a pair counts
POOL = 4_000  # answers whose pairs make the null
BLOCK = 512
GROUP_ROWS = 2_000  # of a larger group so many answers, evenly spaced, are compared
TRIMMED = 0.1  # share of the groups with the most pairs that does not count when the null is fitted to the wave


@dataclass(frozen=True, eq=False)
class Copies:
    """By group: pairs found, expected, the null's quantile, p-values float64[G]; and the rows in a pair."""

    pairs: FloatArray
    expected: FloatArray
    quantile: FloatArray
    p: FloatArray
    rows: tuple[IntArray, ...]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """What weighs a pair: marks float32[n, k m], their log rarities, and which cells are valid float32[n, k]."""

    marks: Single
    rare: Single
    valid: Single


def copies(
    sheets: Sheets,
    model: Opinions,
    placed: Placed,
    codes: IntArray,
    groups: int,
    rng: np.random.Generator,
) -> Copies:
    """Count heavy pairs in each group against pairs of random answers of the same classes of opinion.

    The expected count comes from the share of heavy pairs between the classes in a pool of answers, times how much
    more of them the wave's groups have than chance (trimmed mean over the groups, at least 1); the Poisson tail of the
    count is calibrated on pseudo-groups of permuted answers, in which clusters of like answers count as they come.
    """
    strata = placed.best
    pool = sheets.trusted[evenly(len(sheets.trusted), POOL)]
    edges = _edges(_weigher(sheets, model, placed, pool))
    density, overall = _densities(edges, strata[pool], len(model.shares))
    samples = [_sampled(rows) for rows in members(codes, groups)]
    found = [rows[_edges(_weigher(sheets, model, placed, rows))] for rows in samples]
    pairs = np.array([len(one) for one in found], dtype=np.float64)
    counts = np.array([np.bincount(strata[rows], minlength=len(density)) for rows in samples], dtype=np.float64)
    expected = _expected(counts.reshape(groups, -1), density, overall)
    expected *= _excess(pairs, expected)
    tail, quantile = _calibrated(pairs, expected, samples, (edges, strata[pool], density, overall), rng)
    return Copies(pairs, expected, quantile, tail, tuple(np.unique(one) for one in found))


def _weigher(sheets: Sheets, model: Opinions, placed: Placed, rows: IntArray) -> _Pairs:
    values = sheets.values[rows]
    marks = indicators(values, sheets.steps)
    chance = placed.posterior[rows] @ model.answers.reshape(len(model.shares), -1).astype(np.float32)
    rare = np.log((1 - SLIP) / np.maximum(chance, 1e-6)).astype(np.float32) * marks
    return _Pairs(marks, rare, (values > 0).astype(np.float32))


def _edges(pairs: _Pairs) -> IntArray:
    """Heavy pairs (i < j) of the rows, int64[e, 2]."""
    found = []
    for start in range(0, len(pairs.marks), BLOCK):
        part = slice(start, start + BLOCK)
        agree = pairs.rare[part] @ pairs.marks.T + pairs.marks[part] @ pairs.rare.T
        differ = pairs.valid[part] @ pairs.valid.T - pairs.marks[part] @ pairs.marks.T
        i, j = np.nonzero(agree / 2 + np.float32(np.log(SLIP)) * differ > WEIGHT)
        keep = i + start < j
        found.append(np.column_stack([i[keep] + start, j[keep]]))
    return np.concatenate(found).astype(np.int64) if found else np.zeros((0, 2), dtype=np.int64)


def _sampled(rows: IntArray) -> IntArray:
    return rows[evenly(len(rows), GROUP_ROWS)]


def _densities(edges: IntArray, strata: IntArray, count: int) -> tuple[FloatArray, float]:
    """Share of heavy pairs between each two classes float64[C, C], and among all pairs."""
    heavy = np.zeros((count, count))
    np.add.at(heavy, (strata[edges[:, 0]], strata[edges[:, 1]]), 1.0)
    sizes = np.bincount(strata, minlength=count).astype(np.float64)
    possible = np.outer(sizes, sizes) - np.diag(sizes)
    both = heavy + heavy.T
    density = np.divide(both, possible, out=np.zeros_like(both), where=possible > 0)
    return density, 2 * len(edges) / max(len(strata) * (len(strata) - 1), 1)


def _expected(counts: FloatArray, density: FloatArray, overall: float) -> FloatArray:
    """Expected heavy pairs of groups with `counts` float64[G, C] answers in each class; half by the classes, half by
    the overall share, so that a class without any in the pool is not taken for one that can have none."""
    by_class = (((counts @ density) * counts).sum(axis=1) - counts @ np.diag(density)) / 2
    size = counts.sum(axis=1)
    return np.asarray((by_class + overall * size * (size - 1) / 2) / 2 + 1e-9)


def _excess(pairs: FloatArray, expected: FloatArray) -> float:
    order = np.argsort(pairs - expected, kind="stable")
    kept = order[: int(np.ceil(len(order) * (1 - TRIMMED)))]
    return max(float(pairs[kept].sum() / expected[kept].sum()), 1.0) if len(kept) else 1.0


def _calibrated(
    pairs: FloatArray,
    expected: FloatArray,
    samples: list[IntArray],
    pool: tuple[IntArray, IntArray, FloatArray, float],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """p-values and the null's quantile of the counts, float64[G] each."""
    sizes = np.array([len(rows) for rows in samples], dtype=np.int64)
    classes = size_classes(sizes)
    p, quantile = np.ones(len(pairs)), np.zeros(len(pairs))
    surprise = _surprise(pairs, expected)
    for size in np.unique(classes).tolist():
        null = np.sort(_null(pool, size, draws_for(len(pairs)), rng))
        here = classes == size
        above = len(null) - np.searchsorted(null, surprise[here], side="left")
        p[here] = (1.0 + above) / (1.0 + len(null))
        quantile[here] = _count_at(float(np.quantile(null, SHOWN)), expected[here])
    return p, quantile


def _null(
    pool: tuple[IntArray, IntArray, FloatArray, float], size: int, draws: int, rng: np.random.Generator
) -> FloatArray:
    edges, strata, density, overall = pool
    marks = (strata[:, None] == np.arange(len(density))).astype(np.float64)
    found = []
    for rows in pseudo_groups(len(strata), size, draws, rng):
        batch, each, width = rows.shape
        label = np.full((batch, len(strata)), -1, dtype=np.int64)
        names = np.repeat(np.arange(batch * each), width).reshape(batch, each * width)
        np.put_along_axis(label, rows.reshape(batch, -1), names, axis=1)
        first, second = label[:, edges[:, 0]], label[:, edges[:, 1]]
        pairs = np.bincount(first[(first == second) & (first >= 0)], minlength=batch * each).astype(np.float64)
        counts = marks[rows.reshape(-1, width)].sum(axis=1)
        found.append(_surprise(pairs, _expected(counts, density, overall)))
    return np.concatenate(found)


def _surprise(pairs: FloatArray, expected: FloatArray) -> FloatArray:
    """`-log P(Poisson(expected) >= pairs)`."""
    tail = special.pdtrc(np.maximum(pairs - 1, 0), expected)
    tail = np.where(pairs > 0, tail, 1.0)
    far = pairs * np.log(expected) - expected - special.gammaln(pairs + 1)  # the leading term, where the tail is 0
    return np.where(tail > 0, -np.log(np.maximum(tail, 1e-300)), -far)


def _count_at(surprise: float, expected: FloatArray) -> FloatArray:
    """Smallest count whose surprise reaches a bound."""
    count = np.zeros(len(expected))
    while (low := (_surprise(count, expected) < surprise)).any():
        count = np.where(low, count + 1, count)
    return count
