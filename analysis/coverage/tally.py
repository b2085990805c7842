"""What a study counts: how often limits held the truth, how wide they were, how far the value was off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.design import BoolArray, FloatArray

NOMINAL = 95.0


@dataclass(frozen=True)
class Line:
    """One line of the table. `reached` and its Monte-Carlo standard error `error` in percent, `width` and `bias` in
    points of the figure; None where there is no such thing."""

    case: str
    what: str
    nominal: float | None
    reached: float | None
    error: float | None
    width: float | None
    bias: float | None
    intervals: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Held:
    """Limits and truths of M figures of G groups (waves, levels), float64[G, M] each; NaN where there is no figure."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    truth: FloatArray


def line(case: str, what: str, held: Held, *, nominal: float | None = NOMINAL, note: str = "") -> Line:
    """Coverage of limits; the Monte-Carlo error comes from the groups, whose intervals share their pool or sample."""
    there = np.isfinite(held.low) & np.isfinite(held.high) & np.isfinite(held.value)
    inside = (held.low <= held.truth + SLACK) & (held.truth <= held.high + SLACK)
    reached, error = share(inside, there)
    width = float((held.high - held.low)[there].mean())
    bias = float((held.value - held.truth)[there].mean())
    return Line(case, what, nominal, reached, error, width, bias, int(there.sum()), note)


SLACK = 1e-9  # a limit that equals the truth up to rounding holds it


def share(yes: BoolArray, there: BoolArray) -> tuple[float, float]:
    """Percentage of yes among what is there, and its standard error with the groups (first axis) as clusters."""
    counts, hits = there.sum(axis=1), (yes & there).sum(axis=1)
    total = int(counts.sum())
    p = float(hits.sum()) / total
    groups = len(counts)
    if groups < 2:
        return 100 * p, 100 * float(np.sqrt(p * (1 - p) / total))
    gaps = hits - p * counts
    return 100 * p, 100 * float(np.sqrt(groups / (groups - 1) * (gaps**2).sum())) / total


def stacked(parts: Sequence[Held]) -> Held:
    """Several tallies with the same number of figures a group, one after the other."""
    return Held(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("value", "low", "high", "truth")))
