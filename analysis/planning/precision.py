"""What a number of answers will give: expected intervals before the field work, and the number for a wanted width."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.design import FloatArray, IntArray
from analysis.errors import OptionInvalid
from analysis.intervals import Limits, clopper_pearson, wilson, within_census
from analysis.planning.given import counts, positive, rates, shares

EXACT_BELOW = 5.0  # expected answers of the rarer kind under which one item's limits are exact (STATISTICS.md)


class Figure(StrEnum):
    """One item (a share of yes and no), or an index of many items."""

    ITEM = "item"
    INDEX = "index"


@dataclass(frozen=True)
class Aim:
    """What is planned for: the expected value (0..1) and its effective answers for each respondent of a simple random
    sample: 1 for an item, `clusters.index_ratio` for an index."""

    figure: Figure
    share: float
    ratio: float


@dataclass(frozen=True, eq=False)
class Expectation:
    """What each unit will get, arrays by unit: expected answers, chance of at least the answers that a score needs,
    limits (0..1) of an item and of the index at the expected answers."""

    answers: FloatArray
    chance_of_score: FloatArray
    item: Limits
    index: Limits


def effective_answers(aim: Aim, n: ArrayLike, population: ArrayLike, *, deff: ArrayLike) -> FloatArray:
    """Effective size `n ratio / (deff (1 - n/N))`, infinite in a complete unit; an item has at most `n / (1 - n/N)`.
    Raises OptionInvalid."""
    answers, size, effect = counts("n", n), positive("population", population), positive("deff", deff)
    _check(aim)
    ratio = aim.ratio / effect
    ratio = np.minimum(ratio, 1.0) if aim.figure is Figure.ITEM else ratio
    left = np.maximum(1 - answers / size, 0.0)
    full = np.broadcast_to(left <= 0, np.broadcast_shapes(answers.shape, size.shape, ratio.shape))
    return np.where(full, np.inf, answers * ratio / np.where(left <= 0, 1.0, left))


def expected_limits(
    aim: Aim,
    n: ArrayLike,
    population: ArrayLike,
    *,
    deff: ArrayLike,
    level: float,
    df: ArrayLike | None = None,
) -> Limits:
    """Limits (0..1) that n answers of N dossiers will give when the value turns out as planned.

    The rule of the score itself: Wilson at the effective size, for an item with fewer than EXACT_BELOW expected
    answers of the rarer kind Clopper and Pearson; cut to what the dossiers without an answer still allow. Without an
    answer 0 and 1; a complete unit has no width. `df` (clusters less strata) takes t in place of the normal value.
    Raises OptionInvalid. Reference: STATISTICS.md; Wilson (1927); Kott (2017).
    """
    answers, size = np.minimum(counts("n", n), population), positive("population", population)
    n_eff = effective_answers(aim, answers, size, deff=deff)
    finite = np.where((n_eff > 0) & np.isfinite(n_eff), n_eff, 1.0)
    low, high = wilson(aim.share, finite, level, df)
    if aim.figure is Figure.ITEM:
        rare = finite * min(aim.share, 1 - aim.share) < EXACT_BELOW
        exact = clopper_pearson(aim.share, finite, level)
        low, high = np.where(rare, exact[0], low), np.where(rare, exact[1], high)
    low, high = np.where(n_eff > 0, low, 0.0), np.where(n_eff > 0, high, 1.0)
    low, high = np.where(np.isinf(n_eff), aim.share, low), np.where(np.isinf(n_eff), aim.share, high)
    return _cut((low, high), aim.share, answers, size)


def half_width(
    aim: Aim,
    n: ArrayLike,
    population: ArrayLike,
    *,
    deff: ArrayLike,
    level: float,
    df: ArrayLike | None = None,
) -> FloatArray:
    """Half the width (0..0.5) of `expected_limits`; the limits are not symmetric about a value near 1."""
    low, high = expected_limits(aim, n, population, deff=deff, level=level, df=df)
    return np.asarray((high - low) / 2)


def size_for_half_width(
    aim: Aim, wanted: ArrayLike, population: ArrayLike, *, deff: ArrayLike, level: float
) -> IntArray:
    """Smallest number of answers whose `half_width` is at most `wanted` (0..0.5), int64 of the arguments' shape.

    A complete unit has no width, so that there is always one, at most N. Raises OptionInvalid (also for a population
    without limit, where a halving search has no end).
    """
    goal, size = positive("wanted", wanted), positive("population", population)
    if not np.isfinite(size).all():
        raise OptionInvalid("population", float("inf"), "finite")
    shape = np.broadcast_shapes(goal.shape, size.shape, np.shape(deff))
    few, many = np.zeros(shape), np.broadcast_to(np.ceil(size), shape).astype(np.float64)
    while (many - few > 1).any():
        middle = np.floor((few + many) / 2)
        enough = half_width(aim, middle, size, deff=deff, level=level) <= goal
        few, many = np.where(enough, few, middle), np.where(enough, middle, many)
    return np.asarray(many, dtype=np.int64)


def expectation(
    invited: ArrayLike,
    response: ArrayLike,
    population: ArrayLike,
    *,
    item: Aim,
    index: Aim,
    deff: ArrayLike,
    level: float,
    least: int,
) -> Expectation:
    """What each unit's invitations (int[U]) will give at the expected response: an item, the index, and the chance
    that the binomial number of answers reaches `least` (below it there is no score at all). Raises OptionInvalid."""
    asked, rate = counts("invited", invited), rates("response", response)
    answers = np.minimum(asked * rate, positive("population", population))
    return Expectation(
        answers,
        np.asarray(stats.binom.sf(least - 1, asked, rate)),
        expected_limits(item, answers, population, deff=deff, level=level),
        expected_limits(index, answers, population, deff=deff, level=level),
    )


def _cut(limits: Limits, share: float, answers: FloatArray, size: FloatArray) -> Limits:
    known = np.isfinite(size)
    whole = np.where(known, size, 1.0)
    low, high = within_census(limits, share * np.minimum(answers, whole), np.minimum(answers, whole), whole)
    return np.where(known, low, limits[0]), np.where(known, high, limits[1])


def _check(aim: Aim) -> None:
    shares("share", aim.share)
    positive("ratio", aim.ratio)
