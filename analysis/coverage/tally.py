"""What a study counts: how often limits held the truth, how wide they were, how far the value was off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.design import BoolArray, FloatArray

NOMINAL = 95.0
SLACK = 1e-6  # points: a limit that equals the truth up to the six decimals of a result holds it


@dataclass(frozen=True)
class Line:
    """One line of the table. `reached` and its Monte-Carlo standard error `error` in percent, `width` and `bias` in
    points of the figure; None where there is no such thing. `counted` intervals, sets or waves were looked at."""

    case: str
    what: str
    nominal: float | None
    reached: float | None
    error: float | None
    width: float | None
    bias: float | None
    counted: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Held:
    """Values, limits and truths of the figures of G groups (a level, a wave), float64[G, M] each; NaN: no figure."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    truth: FloatArray


@dataclass(frozen=True)
class Run:
    """How a case is run: waves to simulate, the random numbers, and whom to tell how many are done."""

    waves: int
    rng: np.random.Generator
    tell: Callable[[str, int, int], None]


@dataclass(frozen=True)
class Tally:
    """Held figures under a name, in the order in which the names came."""

    case: str
    parts: dict[str, list[Held]] = field(default_factory=dict)

    def add(self, what: str, held: Held) -> None:
        """More figures of the same sort, with as many in each group."""
        self.parts.setdefault(what, []).append(held)

    def lines(self, notes: dict[str, str] | None = None) -> list[Line]:
        """One line a name, with the notes that belong to it."""
        return [line(self.case, what, stacked(parts), note=(notes or {}).get(what, ""))
                for what, parts in self.parts.items()]  # fmt: skip


def line(case: str, what: str, held: Held, *, note: str = "") -> Line:
    """Coverage of 95 % limits; figures of one group share their pool or their sample, so the groups are the clusters
    of the Monte-Carlo error."""
    there = np.isfinite(held.low) & np.isfinite(held.high) & np.isfinite(held.value)
    inside = (held.low <= held.truth + SLACK) & (held.truth <= held.high + SLACK)
    reached, error = share(inside, there)
    width = float((held.high - held.low)[there].mean())
    bias = float((held.value - held.truth)[there].mean())
    return Line(case, what, NOMINAL, reached, error, width, bias, int(there.sum()), note)


def share(yes: BoolArray, there: BoolArray) -> tuple[float, float]:
    """Percentage of yes among what is there and its standard error, the groups (first axis) as clusters."""
    counts, hits = there.sum(axis=1), (yes & there).sum(axis=1)
    total, groups = int(counts.sum()), len(counts)
    p = float(hits.sum()) / total
    if groups < 2:
        return 100 * p, 100 * float(np.sqrt(p * (1 - p) / total))
    gaps = hits - p * counts
    return 100 * p, 100 * float(np.sqrt(groups / (groups - 1) * (gaps**2).sum())) / total


def stacked(parts: Sequence[Held]) -> Held:
    """Several tallies with the same number of figures a group, one after the other."""
    return Held(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("value", "low", "high", "truth")))


def beside(parts: Sequence[Held]) -> Held:
    """Several figures of the same groups, side by side."""
    names = ("value", "low", "high", "truth")
    return Held(*(np.concatenate([getattr(one, name) for one in parts], axis=1) for name in names))


def in_chunks(total: int, most: int, multiple: int) -> list[int]:
    """Sizes that add up to `total` (rounded up to the multiple), each a multiple and at most `most`."""
    whole = -(-total // multiple) * multiple
    step = max(most // multiple, 1) * multiple
    return [min(step, whole - start) for start in range(0, whole, step)]
