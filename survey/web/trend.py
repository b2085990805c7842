"""A unit's index over the years as a picture: a mark and interval for each wave, a line where nothing breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from survey.stages.trends import Point

WIDTH, HEIGHT, SIDE, EDGE = 600, 180, 70, 12
LEAST_SPAN = 10.0  # points from the lowest to the highest that a picture shows: smaller moves are not blown up


@dataclass(frozen=True)
class Mark:
    """Where a wave's value and the ends of its interval stand; a value without an interval has both ends at itself."""

    point: Point
    x: float
    y: float
    high_y: float
    low_y: float


@dataclass(frozen=True)
class Picture:
    """The marks from left to right, the lines between unbroken ones, where a break stands, the ends of the scale."""

    marks: list[Mark]
    lines: list[tuple[Mark, Mark]]
    breaks: list[float]
    bottom: float
    top: float


def picture(points: Sequence[Point]) -> Picture | None:
    """The picture of two waves or more."""
    if len(points) < 2:
        return None
    limits = [_limits(one) for one in points]
    bottom, top = _scale([low for _value, low, _high in limits], [high for _value, _low, high in limits])
    step = (WIDTH - 2 * SIDE) / (len(points) - 1)

    def place(value: float) -> float:
        return EDGE + (HEIGHT - 2 * EDGE) * (top - value) / (top - bottom)

    marks = [
        Mark(point, SIDE + step * number, place(value), place(high), place(low))
        for number, (point, (value, low, high)) in enumerate(zip(points, limits, strict=True))
    ]
    pairs = list(pairwise(marks))
    lines = [(first, second) for first, second in pairs if not second.point.breaks]
    breaks = [(first.x + second.x) / 2 for first, second in pairs if second.point.breaks]
    return Picture(marks, lines, breaks, bottom, top)


def _limits(point: Point) -> tuple[float, float, float]:
    value = float(point.row["index"])
    low, high = (value if point.row[name] is None else float(point.row[name]) for name in ("ci_low", "ci_high"))
    return value, low, high


def _scale(low: Sequence[float], high: Sequence[float]) -> tuple[float, float]:
    bottom, top = min(low), max(high)
    missing = max(LEAST_SPAN - (top - bottom), 0.0) / 2
    return max(bottom - missing, 0.0), min(top + missing, 100.0)
