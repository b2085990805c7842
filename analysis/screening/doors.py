"""Signals from the counters kept at the door: hours, bursts, gaps, speed, refusals, by collector, never by answer.

The counters are sums for each collector; nothing here can be tied to an answer (HOUSE.md rule 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from analysis.design import BoolArray, FloatArray, IntArray
from analysis.errors import LengthMismatch, OptionInvalid
from analysis.screening.lines import excess_correlation, overdispersed_tail
from analysis.screening.nulls import SHOWN, widening

SMALLEST_P = 1e-300


@dataclass(frozen=True, eq=False)
class Door:
    """Counters of C collectors of one kind, each array int64[C, bins] (one without bins is not kept).

    `slots`: forms completed by hour of the wave (`by_day`: day by day, else by hour of the day, where one busy hour is
    no burst but the place's habit) with `office` bool[slots]; `gaps`: between completed
    forms, `speeds`: seconds a form took, both in bins with `short` and `fast` bool[bins] naming those that a person
    can hardly reach; `asked` and `refused` int64[C]; `context` int64[C] (mode): collectors are compared inside it.
    """

    kind: str
    names: tuple[str, ...]
    context: IntArray
    slots: IntArray
    by_day: bool
    office: BoolArray
    gaps: IntArray
    short: BoolArray
    speeds: IntArray
    fast: BoolArray
    asked: IntArray
    refused: IntArray


@dataclass(frozen=True, eq=False)
class Counted:
    """By collector: the count, what the others of its mode let expect, the null's quantile, p, and n, float64[C]."""

    count: FloatArray
    expected: FloatArray
    quantile: FloatArray
    p: FloatArray
    n: FloatArray


def check_door(door: Door) -> None:
    """Raise LengthMismatch or OptionInvalid when the counters do not fit together."""
    size = len(door.names)
    for name in ("context", "slots", "gaps", "speeds", "asked", "refused"):
        table = getattr(door, name)
        if len(table) != size:
            raise LengthMismatch(name, size, len(table))
        if (table < 0).any():
            raise OptionInvalid(name, int(table.min()), "0 or more")
    for table, marked in ((door.slots, door.office), (door.gaps, door.short), (door.speeds, door.fast)):
        if table.shape[1] != len(marked):
            raise LengthMismatch("the bins' marks", table.shape[1], len(marked))
    if (door.refused > door.asked).any():
        raise OptionInvalid("refused", int(np.argmax(door.refused > door.asked)), "at most asked")


def out_of_hours(door: Door) -> Counted:
    """Forms completed outside office hours, more than the other collectors' share lets expect."""
    return _upper(door.slots[:, ~door.office].sum(axis=1), door.slots.sum(axis=1), door.context)


def short_gaps(door: Door) -> Counted:
    """Gaps between two completed forms that are hardly possible."""
    return _upper(door.gaps[:, door.short].sum(axis=1), door.gaps.sum(axis=1), door.context)


def fast_forms(door: Door) -> Counted:
    """Forms filled in faster than they can be read. No evidence alone: fast is legal on a short form."""
    return _upper(door.speeds[:, door.fast].sum(axis=1), door.speeds.sum(axis=1), door.context)


def no_refusals(door: Door) -> Counted:
    """Fewer refusals than the other collectors have."""
    agreed = _upper(door.asked - door.refused, door.asked, door.context)
    n = agreed.n
    return Counted(n - agreed.count, n - agreed.expected, n - agreed.quantile, agreed.p, n)


def bursts(door: Door) -> Counted:
    """One hour with more forms than the collector's number and the hour's share among the others let expect.

    Statistic: the smallest binomial tail over the hours, `p = 1 - (1 - smallest)^hours` (Šidák 1967); p-values are
    widened by the collectors' own spread, since invitations go out in batches everywhere. Counts of nothing (n = 0)
    where hours are not told day by day.
    """
    if not door.by_day:
        nothing = np.zeros(len(door.names))
        return Counted(nothing, nothing, nothing, nothing + 1.0, nothing)
    n = door.slots.sum(axis=1).astype(np.float64)
    chance = _others(door.slots, n, door.context)
    tail = stats.binom.sf(door.slots - 1, n[:, None], chance)
    hour = tail.argmin(axis=1) if door.slots.shape[1] else np.zeros(len(n), dtype=np.int64)
    rows = np.arange(len(n))
    smallest = np.clip(tail[rows, hour], SMALLEST_P, 1.0)
    p = widened(-np.expm1(door.slots.shape[1] * np.log1p(-np.minimum(smallest, 1 - 1e-16))))
    share = chance[rows, hour]
    bound = 1 - (1 - SHOWN) / max(door.slots.shape[1], 1)
    return Counted(door.slots[rows, hour].astype(np.float64), n * share, stats.binom.ppf(bound, n, share), p, n)


def widened(p: FloatArray) -> FloatArray:
    """p-values whose normal scores are divided by their spread over the collectors (at least 1)."""
    z = -special.ndtri(np.clip(p, SMALLEST_P, 1 - 1e-16))
    return np.asarray(special.ndtr(-z / widening(z[:, None])[0]))


def _upper(count: IntArray, total: IntArray, context: IntArray) -> Counted:
    y, n = count.astype(np.float64), total.astype(np.float64)
    chance = _others(y[:, None], n, context)[:, 0]
    p, quantile = np.ones(len(y)), np.zeros(len(y))
    used = n > 0
    if used.any():
        rho = excess_correlation(y[used], n[used], chance[used], 1)
        p[used], quantile[used] = overdispersed_tail(y[used], n[used], chance[used], rho)
    return Counted(y, n * chance, quantile, p, n)


def _others(counts: FloatArray | IntArray, n: FloatArray, context: IntArray) -> FloatArray:
    """Shares float64[C, bins] of the bins among the *other* collectors of the same context, half an answer added."""
    groups = int(context.max(initial=0)) + 1
    sums, totals = np.zeros((groups, counts.shape[1])), np.bincount(context, n, minlength=groups)
    np.add.at(sums, context, counts.astype(np.float64))
    part = sums[context] - counts + 0.5
    return np.asarray(np.clip(part / (totals[context] - n + 1.0)[:, None], 0.0, 1.0))
