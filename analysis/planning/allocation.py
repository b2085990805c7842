"""Sharing a number of answers out over units, exactly in whole numbers and between a least and a most for each unit."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import OptionInvalid
from analysis.planning.given import as_units, counts, positive, shares

HALVINGS = 200
LEAST_SPREAD = 0.1  # of the largest: a unit planned to vary less is not certain before it is asked
NEGLIGIBLE = 1e-12  # measure, of the largest, of a unit that gets answers only when all others are full


class Rule(StrEnum):
    """Equal sizes; in proportion to the population; smallest variance of the province (Neyman); between the two, the
    population to a power (Bankier)."""

    EQUAL = "equal"
    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"
    POWER = "power"


@dataclass(frozen=True, eq=False)
class Allocation:
    """Answers of each unit, int64[U], and which units stand at their least or at their most."""

    sizes: IntArray
    at_least: BoolArray
    at_most: BoolArray


def measures(rule: Rule, population: ArrayLike, *, spread: ArrayLike, exponent: float) -> FloatArray:
    """What the sizes are to be proportional to, float64[U]: 1; N; N S; N^q S.

    `spread` S: planning standard deviation `sqrt(p (1 - p) deff / ratio)` of one answer in each unit; `exponent` q
    from 0 (units equally precise) to 1 (Neyman). Bankier's own S is a coefficient of variation, which says nothing
    near 100 % satisfied: here the absolute error counts. An S below a tenth of the largest counts as that tenth (a unit
    planned at 0 or 100 %); where no unit varies all count alike. Raises OptionInvalid.
    Reference: Neyman (1934), JRSS 97; Bankier (1988), The American Statistician 42(3).
    """
    people = positive("population", population)
    s = as_units("spread", spread, len(people), counts("spread", spread))
    s = np.maximum(s, LEAST_SPREAD * s.max(initial=0.0)) if s.any() else np.ones_like(people)
    match rule:
        case Rule.EQUAL:
            return np.ones_like(people)
        case Rule.PROPORTIONAL:
            return people
        case Rule.NEYMAN:
            return people * s
        case Rule.POWER:
            return np.asarray(people ** float(shares("exponent", exponent)) * s)
    raise OptionInvalid("rule", rule, ", ".join(Rule))


def allocate(total: int, measure: ArrayLike, *, least: ArrayLike, most: ArrayLike) -> Allocation:
    """Whole numbers that minimise `sum measure^2 / n` with `least <= n <= most` and `sum n = total`.

    Exact: the answers go one by one to the unit with the largest `measure^2 / (n (n + 1))`, which is the gain of its
    next answer (a bound on the priority finds most of them at once). The finite population changes the variance by a
    constant, so the solution is the same with it. `most` is N, or N times the response rate; a `least` above it is
    lowered to it (take all). Raises OptionInvalid when the total is outside what the bounds allow.
    Reference: Wright (2012), The American Statistician 66(4), the equivalence with apportionment by equal
    proportions; box constraints in Wesołowski, Wieczorkowski, Wójciak (2024), arXiv 2304.07034.
    """
    size = counts("measure", measure)
    if not (size > 0).any():
        raise OptionInvalid("measure", 0.0, "above 0 in some unit")
    upper = np.floor(as_units("most", most, len(size), positive("most", most)))
    lower = np.minimum(np.ceil(as_units("least", least, len(size), positive("least", least))), upper)
    if not lower.sum() <= total <= upper.sum() or (upper < 1).any():
        raise OptionInvalid("total", total, f"{lower.sum():g} to {upper.sum():g}, the sums of the bounds")
    squared = np.maximum(size, float(size.max()) * NEGLIGIBLE) ** 2
    sizes = _below(squared, lower, upper, total)
    _fill(sizes, squared, upper, total - int(sizes.sum()))
    return Allocation(sizes, np.asarray(sizes <= lower), np.asarray(sizes >= upper))


def _below(squared: FloatArray, lower: FloatArray, upper: FloatArray, total: int) -> IntArray:
    """Sizes whose every answer has at least some priority, the lowest one that does not pass the total, int64[U]."""

    def sizes(log_priority: float) -> FloatArray:
        steps = np.floor((np.sqrt(1 + 4 * squared * np.exp(-log_priority)) + 1) / 2)
        return np.asarray(np.clip(steps, lower, upper))

    low, high = np.log(squared.min()) - 2 * np.log(upper.max() + 1), np.log(squared.max()) + 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if sizes(middle).sum() > total else (low, middle)
    return np.asarray(sizes(high), dtype=np.int64)


def _fill(sizes: IntArray, squared: FloatArray, upper: FloatArray, left: int) -> None:
    """Give out the answers that are left, one by one, to the highest priority (the first unit among equals)."""

    def entry(unit: int) -> tuple[float, int]:
        n = int(sizes[unit])
        return -float(squared[unit]) / (n * (n + 1)), unit

    queue = [entry(unit) for unit in np.flatnonzero(sizes < upper).tolist()]
    heapq.heapify(queue)
    for _ in range(left):
        _, unit = heapq.heappop(queue)
        sizes[unit] += 1
        if sizes[unit] < upper[unit]:
            heapq.heappush(queue, entry(unit))
