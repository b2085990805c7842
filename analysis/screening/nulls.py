"""The wave as its own measure: what a group of a size would show if its answers were drawn from all the others.

Answers are permuted inside strata (modes, classes of opinion) and cut into pseudo-groups. A group's statistic is
standardised by the exact permutation mean and variance of its own composition, so that the pseudo-groups of one size
serve all groups of about that size. Real units differ a little in many ways that permutation does not know: the spread
of the standardised values over the groups, by the median so that a few fabricated groups do not count, widens the null.
Reference: Phipson and Smyth (2010), SAGMB 9(1), p-values that are never zero; Devlin and Roeder (1999), Biometrics 55,
the median correction (genomic control); Efron (2004), JASA 99, empirical null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from analysis.design import FloatArray, IntArray

DRAWS = 60_000  # pseudo-groups for each size, at least
DRAWS_A_GROUP = 500  # so that one group's p-value can pass a correction over all groups, signals and kinds
PERMUTATIONS = 8_000  # at most
BATCH = 100_000  # row numbers permuted at a time
SHOWN = 0.99  # quantile of the null that the evidence shows
NORMAL_MAD = 0.6744897501960817  # median of |z| for a standard normal z
FEW = 8  # groups under which their spread says nothing


@dataclass(frozen=True, eq=False)
class Tails:
    """p-values float64[G] and the null's quantile SHOWN for each group, on the statistic's scale."""

    p: FloatArray
    quantile: FloatArray


def standardised(scores: FloatArray, strata: IntArray, codes: IntArray, groups: int, trusted: IntArray) -> FloatArray:
    """z-values float64[G, T] of the groups' sums of scores float64[n, T], by the mean and variance of random draws
    without replacement from the `trusted` rows inside strata (a group outside them is compared with a draw besides).
    Rows with a negative code are in no group; a sum that cannot vary has z = 0."""
    mean, variance, sizes = _moments(scores, strata, trusted)
    inside = codes >= 0
    among = np.isin(np.arange(groups), codes[trusted])
    counts = np.zeros((groups, len(sizes)))
    np.add.at(counts, (codes[inside], strata[inside]), 1.0)
    sums = np.zeros((groups, scores.shape[1]))
    np.add.at(sums, codes[inside], scores[inside])
    return _scaled(sums, counts, mean, variance, np.where(among, -1.0, 1.0)[:, None] / np.maximum(sizes, 1))


def null_maxima(scores: FloatArray, strata: IntArray, size: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Largest z over the T columns in about `draws` pseudo-groups of `size` of the rows."""
    mean, variance, sizes = _moments(scores, strata, np.arange(len(scores)))
    marks = (strata[:, None] == np.arange(len(sizes))).astype(np.float64)
    both = np.hstack([scores, marks])
    found = []
    for rows in pseudo_groups(len(scores), size, draws, rng):
        sums = both[rows.reshape(-1, rows.shape[2])].sum(axis=1)
        z = _scaled(sums[:, : scores.shape[1]], sums[:, scores.shape[1] :], mean, variance, -1 / np.maximum(sizes, 1))
        found.append(z.max(axis=1))
    return np.concatenate(found)


def draws_for(groups: int) -> int:
    """Pseudo-groups that resolve the p-values of so many groups."""
    return max(DRAWS, DRAWS_A_GROUP * groups)


def pseudo_groups(n: int, size: int, draws: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Row numbers int64[B, m, size]: m pseudo-groups cut from each of B permutations of n rows, about `draws` of them
    over all batches."""
    each, width = max(n // size, 1), min(size, n)
    left = min(-(-draws // each), PERMUTATIONS)
    batch = max(BATCH // n, 1)
    while left > 0:
        rows = np.broadcast_to(np.arange(n, dtype=np.int64), (min(batch, left), n))
        yield rng.permuted(rows, axis=1)[:, : each * width].reshape(len(rows), each, width)
        left -= batch


def widening(z: FloatArray) -> FloatArray:
    """Spread of z float64[G, T] over the groups by the median absolute deviation, at least 1, float64[T]."""
    if len(z) < FEW:
        return np.ones(z.shape[1])
    spread = np.median(np.abs(z - np.median(z, axis=0)), axis=0) / NORMAL_MAD
    return np.maximum(spread, 1.0)


def tails(statistic: FloatArray, sizes: IntArray, null: Callable[[int], FloatArray]) -> Tails:
    """Upper p-values `(1 + #{null >= t}) / (1 + draws)` of statistics float64[G]; the null is drawn by size class."""
    p, quantile = np.ones(len(statistic)), np.zeros(len(statistic))
    classes = size_classes(sizes)
    for size in np.unique(classes).tolist():
        drawn = np.sort(null(size))
        here = classes == size
        above = len(drawn) - np.searchsorted(drawn, statistic[here], side="left")
        p[here] = (1.0 + above) / (1.0 + len(drawn))
        quantile[here] = np.quantile(drawn, SHOWN)
    return Tails(p, quantile)


def size_classes(sizes: IntArray) -> IntArray:
    """Group sizes rounded to powers of the square root of two, int64[G]."""
    return np.asarray(np.rint(2 ** (np.rint(2 * np.log2(np.maximum(sizes, 1))) / 2)), dtype=np.int64)


def _moments(scores: FloatArray, strata: IntArray, trusted: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means and variances float64[S, T] of the trusted scores in each stratum (of all where it has none), and the
    strata's sizes float64[S]."""
    count = int(strata.max(initial=0)) + 1
    scores, strata = scores[trusted], strata[trusted]
    sizes = np.bincount(strata, minlength=count).astype(np.float64)
    mean, variance = np.zeros((count, scores.shape[1])), np.zeros((count, scores.shape[1]))
    for column in range(scores.shape[1]):
        one = scores[:, column]
        mean[:, column] = np.bincount(strata, one, minlength=count) / np.maximum(sizes, 1)
        squares = np.bincount(strata, (one - mean[strata, column]) ** 2, minlength=count)
        variance[:, column] = squares / np.maximum(sizes - 1, 1)
        mean[sizes == 0, column], variance[sizes == 0, column] = one.mean(), one.var()
    return mean, variance, sizes


def _scaled(
    sums: FloatArray, counts: FloatArray, mean: FloatArray, variance: FloatArray, share: FloatArray
) -> FloatArray:
    """`share`: 1 / size of each stratum, negative for groups that were drawn from it."""
    spread = (counts * np.maximum(1 + counts * share, 0.0)) @ variance
    return np.divide(sums - counts @ mean, np.sqrt(spread), out=np.zeros_like(sums), where=spread > 1e-12)
