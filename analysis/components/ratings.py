"""Officials' ratings of units: the value of each component by unit, and every rating's influence on it.

A unit's component is `q = sum_g g_g q_ug / sum_g g_g` over the rater groups that judged it; `q_ug` is the mean over
the component's items of the weighted mean of the group's ratings (METHOD.md section 1). Raters judge several units, so
units share raters: everything is kept as one influence value a rating, and two units covary through common raters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analysis.components.disclosure import few
from analysis.components.index import NO_VARIANCE, Figures
from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import CountsDisagree

PAIR_LEAST = 2  # ratings that a group needs at a unit for a variance of its own
DF_LEAST = 8  # degrees of freedom from which a unit's own spread is trusted (STATISTICS.md, intervals near 100 %)


@dataclass(frozen=True, eq=False)
class Ratings:
    """n ratings: codes int64[n] of unit, rater group and rater, values float64[n, k] of the items (NaN: not judged),
    final weights float64[n]; each group's raters in the population and its weight in the points, float64[G]."""

    units: tuple[str, ...]
    groups: tuple[str, ...]
    items: tuple[str, ...]
    unit: IntArray
    group: IntArray
    rater: IntArray
    values: FloatArray
    weights: FloatArray
    population: FloatArray
    group_weights: FloatArray

    @property
    def pair(self) -> IntArray:
        """Code of (unit, group), int64[n]."""
        return self.unit * len(self.groups) + self.group

    def counted(self, rows: BoolArray | None = None) -> IntArray:
        """Ratings (those in `rows`) of every unit by every group, int64[U, G]; raises CountsDisagree past the group's
        population."""
        size = len(self.units) * len(self.groups)
        pairs = self.pair if rows is None else self.pair[rows]
        counts = np.bincount(pairs, minlength=size).reshape(len(self.units), len(self.groups))
        for g, group in enumerate(self.groups):
            most = int(counts[:, g].max(initial=0))
            if most > self.population[g]:
                raise CountsDisagree("raters and ratings of one unit", f"group {group}", self.population[g], most)
        return counts


@dataclass(frozen=True, eq=False)
class Blocks:
    """The variance strata of the ratings of one component: a group at a unit."""

    drawn: FloatArray  # [n] ratings of the stratum that judge the component
    factor: FloatArray  # [n] sqrt((1 - f) m / (m - 1)), 0 for a rating that does not judge it; alone: sqrt(1 - f)
    remaining: FloatArray  # [n] 1 - f
    lone: BoolArray  # [n] the one rating of its group
    df: FloatArray  # [U]
    complete: BoolArray  # [U]


@dataclass(frozen=True, eq=False)
class Influence:
    """Components' values [U, J] with near-census limits, and by rating [n, J]: influence (on the variance's scale; the
    one rating of a group has none), share of the value that it carries, whether it judged the component."""

    ratings: Ratings
    blocks: tuple[Blocks, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray
    scores: FloatArray
    alone: FloatArray  # [n, J] standard deviation that the one rating of a group brings; 0 for the others
    carried: FloatArray
    judged: BoolArray


def make_blocks(ratings: Ratings, judged: BoolArray) -> Blocks:
    """The variance strata of the ratings that judge one component.

    In unit u the group g is a random part f = m / N of all who could judge it, because blocks of units are random (a
    second phase). Scaling each deviation by sqrt((1 - f) m / (m - 1)) makes the unit's own variance exactly that of a
    simple random sample, `(1 - f) s^2 / m`, gives the usual stratified estimator when every rater judges every unit,
    and keeps the covariance of units that share raters. A group with one rating has no spread of its own (`_spread`).
    """
    counts = ratings.counted(judged)
    drawn = counts.ravel().astype(np.float64)
    population = np.tile(ratings.population, len(ratings.units))
    remaining = 1.0 - np.divide(drawn, population, out=np.zeros_like(drawn), where=population > 0)
    factor = np.sqrt(remaining * np.where(drawn >= PAIR_LEAST, drawn / np.maximum(drawn - 1, 1), 1.0))
    wanted = (ratings.group_weights > 0) & (ratings.population > 0)
    complete = (counts >= ratings.population)[:, wanted].all(axis=1) & (counts.sum(axis=1) > 0)
    df = np.maximum(counts - 1, 0).sum(axis=1).astype(np.float64)
    pair = ratings.pair
    return Blocks(
        drawn[pair], factor[pair] * judged, remaining[pair], judged & (drawn[pair] < PAIR_LEAST), df, complete
    )


def make_influence(ratings: Ratings, components: Sequence[Sequence[str]]) -> Influence:
    """Value and influence of components, each given by its items' codes."""
    places = [[ratings.items.index(item) for item in items] for items in components]
    judged = [np.asarray(~np.isnan(ratings.values[:, own]).all(axis=1)) for own in places]
    shape, rows = (len(ratings.units), len(components)), (len(ratings.unit), len(components))
    made = Influence(
        ratings, tuple(make_blocks(ratings, one) for one in judged), np.zeros(shape), np.zeros(shape), np.zeros(shape),
        np.zeros(rows), np.zeros(rows), np.zeros(rows),
        np.stack(judged, axis=1) if judged else np.zeros(rows, dtype=np.bool_),
    )  # fmt: skip
    for j, own in enumerate(places):
        _fill(made, j, own)
    return made


def combined(made: Influence, shares: FloatArray) -> Figures:
    """Figures [U, P] of linear combinations of the components, `shares` [U, P, J] summing to 1 or 0."""
    ratings, used = made.ratings, shares > 0
    size, parts = shares.shape[0], shares.shape[1]
    value, low, high = ((shares @ one[:, :, None])[:, :, 0] for one in (made.value, made.low, made.high))
    columns = [_by_unit(made, shares[ratings.unit, part], size) for part in range(parts)]
    variance, n, kish, remaining = (
        np.stack([column[place] for column in columns], axis=1) if columns else np.zeros((size, 0))
        for place in range(4)
    )
    df = np.stack([one.df for one in made.blocks], axis=1) if made.blocks else np.zeros((size, 0))
    least = np.where(used, df[:, None, :], np.inf).min(axis=2, initial=np.inf)
    whole = np.stack([one.complete for one in made.blocks], axis=1) if made.blocks else np.zeros((size, 0), np.bool_)
    complete = np.asarray((whole[:, None, :] | ~used).all(axis=2) & used.any(axis=2))
    return Figures(
        value, np.where(variance < NO_VARIANCE, 0.0, variance), n, low, high, kish, remaining,
        np.where(np.isinf(least), 0.0, least), complete, np.ones((size, parts)),
    )  # fmt: skip


def covariance(made: Influence, shares: FloatArray) -> FloatArray:
    """Covariance of one combination (`shares` [U, J]) between the units, float64[U, U]. What is invented for the one
    rating of a group adds to its unit's variance alone: no covariance is known of it."""
    ratings = made.ratings
    own = shares[ratings.unit]
    raters = int(ratings.rater.max(initial=-1)) + 1
    scores = (own * made.scores).sum(axis=1)
    table = sparse.csr_matrix((scores, (ratings.rater, ratings.unit)), shape=(raters, len(ratings.units)))
    matrix = np.asarray((table.T @ table).todense())
    np.fill_diagonal(matrix, _variance(made, own))
    return matrix


def _variance(made: Influence, own: FloatArray) -> FloatArray:
    """Variance of a combination by unit, [U]; `own` [n, J] are the shares of each rating's unit.

    A rating that stands alone in several components varies with itself in full (correlation 1, the safe side), and so
    with the rest of its group where that has a spread: nothing here may turn on what the one person said.
    """
    size, groups = len(made.ratings.units), len(made.ratings.groups)
    columns = np.stack([(own * part).sum(axis=1) ** 2 for part in (made.scores, made.alone)], axis=1)
    spreads = np.sqrt(_sums(made.ratings.pair, columns, size * groups)).sum(axis=1)
    return np.asarray((spreads**2).reshape(size, groups).sum(axis=1))


def _by_unit(made: Influence, own: FloatArray, size: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Variance, raters, Kish's design effect and remaining share of a combination by unit, [U] each."""
    unit = made.ratings.unit
    carried = (own * made.carried).sum(axis=1)
    judged = ((own > 0) & made.judged).any(axis=1)
    parts = [own[:, j] * made.carried[:, j] * one.remaining for j, one in enumerate(made.blocks)]
    left = np.divide(sum(parts, np.zeros(len(unit))), carried, out=np.ones(len(unit)), where=carried > 0)
    columns = np.stack([judged.astype(np.float64), carried, carried**2, carried**2 * left], axis=1)
    n, total, squared, kept = _sums(unit, columns, size).T
    kish = np.divide(n * squared, total**2, out=np.ones(size), where=total > 0)
    remaining = np.divide(kept, squared, out=np.ones(size), where=squared > 0)
    return _variance(made, own), n, kish, remaining


def _fill(made: Influence, j: int, places: list[int]) -> None:
    ratings, blocks = made.ratings, made.blocks[j]
    size, groups = len(ratings.units), len(ratings.groups)
    y = ratings.values[:, places]
    judged = ~np.isnan(y)
    y, weight = np.where(judged, y, 0.0), ratings.weights[:, None] * judged
    mass, sums = (_sums(ratings.pair, one, size * groups) for one in (weight, weight * y))
    means = np.divide(sums, mass, out=np.zeros_like(sums), where=mass > 0)
    found = mass > 0
    per_item = found / np.maximum(found.sum(axis=1, keepdims=True), 1)  # mean over the items that the group judged
    group_value = (means * per_item).sum(axis=1).reshape(size, groups)
    held = found.any(axis=1).reshape(size, groups) * ratings.group_weights
    total = held.sum(axis=1, keepdims=True)
    share = np.divide(held, total, out=np.zeros_like(held), where=total > 0)
    made.value[:, j] = (share * group_value).sum(axis=1)
    carried = weight * (share.ravel()[:, None] * per_item / np.where(found, mass, 1.0))[ratings.pair]
    apart = y - means[ratings.pair]
    raw = (carried * apart).sum(axis=1)
    middle = np.bincount(ratings.pair, weights=raw, minlength=size * groups)[ratings.pair] / np.maximum(blocks.drawn, 1)
    own = (judged * per_item[ratings.pair] * apart).sum(axis=1)
    spread = _spread(ratings, blocks, own, made.judged[:, j])
    made.scores[:, j] = np.where(blocks.lone, 0.0, raw - middle) * blocks.factor
    made.alone[:, j] = np.where(blocks.lone, carried.sum(axis=1) * spread, 0.0) * blocks.factor
    made.carried[:, j] = carried.sum(axis=1)
    answered = np.bincount(ratings.pair, weights=judged.any(axis=1), minlength=size * groups).reshape(size, groups)
    part = np.minimum(answered / np.maximum(ratings.population, 1.0), 1.0)
    made.low[:, j] = (share * part * group_value).sum(axis=1)
    made.high[:, j] = made.low[:, j] + (share * (1.0 - part)).sum(axis=1)


def _spread(ratings: Ratings, blocks: Blocks, apart: FloatArray, judged: BoolArray) -> FloatArray:
    """Standard deviation inside the groups of each rating's unit, [n]: what the one rating of a group is as uncertain
    as. The unit's own with DF_LEAST degrees of freedom and some spread, else that of all units that may be told;
    `apart` are the ratings' deviations from their group."""
    size = len(ratings.units)
    pairs = np.maximum(len(ratings.groups) * size, 1)
    middle = np.bincount(ratings.pair, weights=apart, minlength=pairs)[ratings.pair] / np.maximum(blocks.drawn, 1)
    squares = np.bincount(
        ratings.unit, weights=np.where(judged & ~blocks.lone, apart - middle, 0.0) ** 2, minlength=size
    )
    told = ~few(np.bincount(ratings.unit, weights=judged, minlength=size).astype(np.float64))
    level = float(squares[told].sum()) / max(float(blocks.df[told].sum()), 1.0)
    trusted = (blocks.df >= DF_LEAST) & (squares > 0)
    return np.asarray(np.sqrt(np.where(trusted, squares / np.maximum(blocks.df, 1.0), level))[ratings.unit])


def _sums(codes: IntArray, columns: FloatArray, size: int) -> FloatArray:
    made = [np.bincount(codes, weights=columns[:, place], minlength=size) for place in range(columns.shape[1])]
    return np.stack(made, axis=1).astype(np.float64) if made else np.zeros((size, 0))  # bincount of nobody is int
