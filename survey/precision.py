"""The precision that a number of answers gives (độ chính xác), from planning values alone: plain arithmetic.

The board shows it while answers come in, so nothing here knows what was answered. The same formula with its intervals
and its checks is `analysis.planning`; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, sqrt
from typing import Any

CRITICAL = 1.959963984540054  # of the standard normal at 95 %
WANTED, SHARE, CORRELATION, DEFF = 8.0, 85.0, 0.35, 1.0


@dataclass(frozen=True)
class Aim:
    """What is planned for, in points: the half-width wanted, the index expected, how alike two questions of a form
    are answered (correlation of the satisfied marks), the design effect."""

    half_width: float = WANTED
    share: float = SHARE
    correlation: float = CORRELATION
    deff: float = DEFF

    def as_dict(self) -> dict[str, float]:
        return asdict(self)

    def ratio(self, items: int) -> float:
        """Effective answers of the index for each form: `k / (1 + (k - 1) r)` (Spearman, Brown 1910)."""
        return items / (1 + (items - 1) * self.correlation)


def aim_of(settings: Mapping[str, Any]) -> Aim:
    """The aim that a wave's file states, or the one by default."""
    return Aim(**settings.get("precision", {}))


def half_width(aim: Aim, items: int, answers: float, population: float) -> float:
    """Half the 95 % Wilson interval, in points, of an index of so many items when it turns out as planned.

    `sqrt(a s n + a^2 / 4) / (n + a)` with `a = z^2 deff / ratio (1 - n / N)`, `s = p (1 - p)`; 50 without an answer,
    0 when all have answered. Reference: Wilson (1927); STATISTICS.md, conventions 3.
    """
    if answers <= 0 or population <= 0:
        return 50.0
    share = aim.share / 100
    a = CRITICAL**2 * aim.deff / aim.ratio(items) * max(1 - answers / population, 0.0)
    return 100 * sqrt(a * share * (1 - share) * answers + a * a / 4) / (answers + a) if a > 0 else 0.0


def answers_for(aim: Aim, items: int, population: int) -> int:
    """The fewest answers whose `half_width` is the wanted one; all of a small unit."""
    few, many = 0, max(population, 0)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if half_width(aim, items, middle, population) <= aim.half_width else (middle, many)
    return many


def days_until(left: float, pace: float) -> float:
    """Days until what is left has come in at this pace."""
    if left <= 0:
        return 0.0
    return left / pace if pace > 0 else inf
