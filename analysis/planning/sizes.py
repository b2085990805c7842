"""How many answers by the ministry's rule, and how many invitations bring them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.planning.given import inside, positive, rates

ROUNDING = 1e-12  # a computed size this close above a whole number is that number


@dataclass(frozen=True, eq=False)
class Invitations:
    """Invitations of each unit, int64[U]; where `take_all` the whole population is invited and the expected answers
    (float64[U]) stay below the size wanted."""

    count: IntArray
    take_all: BoolArray
    answers: FloatArray


def ministry_size(population: ArrayLike, margin: float, *, deff: ArrayLike) -> IntArray:
    """Answers wanted by the ministry's rule `n = deff N / (deff + N e^2)`, rounded up; at deff 1 it is
    `N / (1 + N e^2)`. Never above N.

    `population` N counts dossiers of each unit, `margin` e is a half-width (0.05 for 5 points), `deff` the design
    effect, 1 for a simple random sample. Raises OptionInvalid.
    Reference: Yamane (1967), Statistics: an introductory analysis: one share at 0.5, critical value 2, the finite
    population inside. The interval that this size really gives is that of `precision.expected_limits`.
    """
    size, effect = positive("population", population), positive("deff", deff)
    inside("margin", margin)
    wanted = effect / (effect / size + margin**2)
    return np.asarray(np.minimum(ceiling(wanted), size), dtype=np.int64)


def invitations(size: ArrayLike, response: ArrayLike, population: ArrayLike) -> Invitations:
    """Invitations `ceil(n / response)` for n answers, at most the population ("take all").

    `response` is the expected share of the invited who answer, above 0 and up to 1. Raises OptionInvalid.
    """
    wanted, rate, people = positive("size", size), rates("response", response), positive("population", population)
    needed = ceiling(wanted / rate)
    count = np.minimum(needed, np.floor(people))
    return Invitations(np.asarray(count, dtype=np.int64), np.asarray(needed >= people), np.asarray(count * rate))


def smoothed_response(invited: ArrayLike, answered: ArrayLike, *, strength: float) -> FloatArray:
    """Response rates of units from counts alone: `(answered + s R) / (invited + s)` with R the rate of all units and
    `strength` s in invitations, so that a unit with few invitations borrows the common rate.

    `invited` int[U] counts invitations old enough to have been answered. Raises OptionInvalid when no unit has an
    answer. Reference: the beta-binomial posterior mean with a prior of weight s at the common rate.
    """
    asked, came = np.asarray(invited, dtype=np.float64), np.asarray(answered, dtype=np.float64)
    positive("strength", strength)
    positive("answers of all units", came.sum())
    positive("invitations less answers, plus one", asked - came + 1)
    return np.asarray((came + strength * came.sum() / asked.sum()) / (asked + strength))


def ceiling(values: ArrayLike) -> FloatArray:
    """The next whole number, where rounding of the computer does not count."""
    given = np.asarray(values, dtype=np.float64)
    return np.asarray(np.ceil(given * (1 - ROUNDING)))
