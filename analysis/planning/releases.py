"""The next best invitations: where K more shorten the wanted intervals most, from counts and planning values only.

Nothing here sees an answer: the gain of an invitation comes from the number of answers that it is expected to add and
from the planning variance, never from what was said (STATISTICS.md, the board).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis.design import FloatArray, IntArray
from analysis.errors import LengthMismatch, OptionInvalid
from analysis.intervals import critical
from analysis.planning.given import counts, positive, rates
from analysis.planning.precision import Aim

NOTHING = 1e-15  # a smaller gain is none


class Goal(StrEnum):
    """Bring each unit to its wanted half-width, or shorten the province's interval."""

    UNITS = "units"
    PROVINCE = "province"


@dataclass(frozen=True, eq=False)
class Standing:
    """Where each unit stands, by counters alone, float64[U]: dossiers; answers in, with those still expected of the
    invitations that are out; persons who can still be invited; expected answers for each further invitation."""

    population: FloatArray
    answers: FloatArray
    reachable: FloatArray
    response: FloatArray


@dataclass(frozen=True, eq=False)
class Release:
    """Invitations to issue by unit, int64[U]; half-widths (0..0.5) of the units and of the province before and as
    predicted after them; how many were not needed (every unit has its margin, or nobody is left)."""

    invitations: IntArray
    before: FloatArray
    after: FloatArray
    province_before: float
    province_after: float
    unspent: int


def next_invitations(
    standing: Standing, count: int, aim: Aim, *, goal: Goal, wanted: float, deff: float, level: float
) -> Release:
    """Share `count` further invitations out, each to the unit where it gains most.

    With h(n) the Wilson half-width at n expected answers, `UNITS` minimises `sum max(h^2 - wanted^2, 0)` and stops when
    every unit has its margin; `PROVINCE` minimises `sum (N_u / N)^2 h_u^2` (`wanted` does not count). Both are convex
    in n, so that taking the best invitation again and again is optimal. Raises OptionInvalid, LengthMismatch.
    Reference: Neyman (1934) for the province; Groves and Heeringa (2006), JRSS-A 169, responsive design; Wright (2012).
    """
    people = _checked(standing, count)
    if goal is Goal.UNITS and not 0 < wanted < 0.5:
        raise OptionInvalid("wanted", wanted, "between 0 and 0.5")
    scale = float(critical(level)) ** 2 * float(positive("deff", deff)) / float(positive("ratio", aim.ratio))
    spread = aim.share * (1 - aim.share)
    share = people / people.sum()
    weights = np.ones_like(people) if goal is Goal.UNITS else share**2
    floor = wanted**2 if goal is Goal.UNITS else 0.0

    def loss(unit: int, n: float) -> float:
        return float(weights[unit]) * max(squared_half_width(n, float(people[unit]), scale, spread) - floor, 0.0)

    spent = _best(standing, count, loss)
    halves = [
        np.sqrt([squared_half_width(n, size, scale, spread) for n, size in zip(answers, people, strict=True)])
        for answers in (standing.answers, standing.answers + spent * standing.response)
    ]
    whole = [float(np.sqrt((share**2 * half**2).sum())) for half in halves]
    return Release(spent, halves[0], halves[1], whole[0], whole[1], count - int(spent.sum()))


def squared_half_width(n: float, population: float, scale: float, spread: float) -> float:
    """Squared Wilson half-width of n answers: `(a s n + a^2/4) / (n + a)^2` with `a = scale (1 - n/N)`, `scale` =
    squared critical value times deff over ratio, `spread` s = p (1 - p). A quarter without answers, 0 when complete."""
    a = scale * max(1 - n / population, 0.0)
    return (a * spread * n + a * a / 4) / (n + a) ** 2 if a > 0 else 0.0


def _best(standing: Standing, count: int, loss: Callable[[int, float], float]) -> IntArray:
    """Give the invitations out one by one by their gain (the first unit among equals), int64[U]."""
    spent = np.zeros(len(standing.answers), dtype=np.int64)
    rate, start = standing.response.tolist(), standing.answers.tolist()
    room = np.floor(standing.reachable).astype(np.int64).tolist()

    def entry(unit: int) -> tuple[float, int]:
        n = start[unit] + int(spent[unit]) * rate[unit]
        return loss(unit, n + rate[unit]) - loss(unit, n), unit

    queue = [entry(unit) for unit in range(len(spent)) if room[unit] > 0]
    heapq.heapify(queue)
    for _ in range(count):
        if not queue or queue[0][0] > -NOTHING:
            break
        _, unit = heapq.heappop(queue)
        spent[unit] += 1
        if spent[unit] < room[unit]:
            heapq.heappush(queue, entry(unit))
    return spent


def _checked(standing: Standing, count: int) -> FloatArray:
    if count < 0:
        raise OptionInvalid("count", count, "0 or more")
    people = positive("population", standing.population)
    for name in ("answers", "reachable", "response"):
        if getattr(standing, name).shape != people.shape:
            raise LengthMismatch(name, len(people), len(getattr(standing, name)))
    counts("answers", standing.answers)
    counts("reachable", standing.reachable)
    rates("response", standing.response)
    if not np.isfinite(people).all():
        raise OptionInvalid("population", float("inf"), "finite")
    return people
