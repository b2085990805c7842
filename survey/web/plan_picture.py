"""The picture of a sample plan: what a number of answers of a typical unit is worth, thirty forms among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from survey import precision
from survey.plan_options import USUAL, Options
from survey.precision import Aim
from survey.stages.classes import PRIVACY_FLOOR

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 230, 34, 8, 8, 34
HIGHEST = 30  # points: what is wider says nothing
STEP, FEWEST = 2, 4
WIDER, LEAST_TOP = 1.3, 60


@dataclass(frozen=True)
class Mark:
    """One number of answers in the picture: its letter, what it stands for, and what it gives in points."""

    letter: str
    what: str  # "invited" (thirty sent out), "answered" (thirty came back), "plan"
    answers: float
    index: float
    item: float
    chance: float  # of the ten answers without which there is no score
    x: float

    @property
    def is_off(self) -> bool:
        """Whether the interval is so wide that it leaves the picture."""
        return self.index > HIGHEST


@dataclass(frozen=True)
class Picture:
    """Two curves over the number of answers, marks on them, and the scales."""

    dossiers: int
    index: str
    item: str
    marks: tuple[Mark, ...]
    across: tuple[tuple[float, int], ...]
    up: tuple[tuple[float, int], ...]


def picture(options: Options, rows: Sequence[Mapping[str, Any]]) -> Picture:
    """The picture of the unit in the middle, by its dossiers."""
    unit = sorted(rows, key=lambda row: (row["dossiers"], row["unit"]))[(len(rows) - 1) // 2]
    people, share, rate = unit["dossiers"], 100 * unit["share"], unit["response"]
    index = Aim(share=share, correlation=0.0, deff=1 / unit["ratio"])
    item = Aim(share=share, correlation=0.0, deff=options.deff)
    planned = unit["answers_expected"]
    most = min(float(people), max(LEAST_TOP, WIDER * planned, USUAL * WIDER))
    told = (
        ("A", "invited", min(USUAL, people) * rate, _chance(min(USUAL, people), rate)),
        ("B", "answered", float(min(USUAL, people)), float(min(USUAL, people) >= PRIVACY_FLOOR)),
        ("C", "plan", planned, unit["chance_of_score"]),
    )
    marks = tuple(
        Mark(letter, what, count, _half(index, count, people), _half(item, count, people), chance, _x(count, most))
        for letter, what, count, chance in told
    )
    every = _round_step(most)
    return Picture(
        people,
        _curve(index, people, most),
        _curve(item, people, most),
        marks,
        tuple((_x(n, most), n) for n in range(0, int(most) + 1, every)),
        tuple((_y(points), points) for points in range(0, HIGHEST + 1, 10)),
    )


def _half(aim: Aim, answers: float, people: int) -> float:
    return precision.half_width(aim, 1, answers, people)


def _chance(invited: int, rate: float) -> float:
    """The chance that of so many invited at least ten answer: the binomial's upper tail."""
    below = sum(
        comb(invited, n) * rate**n * (1 - rate) ** (invited - n) for n in range(min(PRIVACY_FLOOR, invited + 1))
    )
    return max(0.0, 1 - below)


def _curve(aim: Aim, people: int, most: float) -> str:
    counts = [float(n) for n in range(FEWEST, int(most) + 1, STEP)] or [most]
    halves = [(n, _half(aim, n, people)) for n in counts]
    return " ".join(f"{_x(n, most):.1f},{_y(half):.1f}" for n, half in halves if half <= HIGHEST)


def _x(answers: float, most: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * answers / most


def _y(points: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(points, HIGHEST) / HIGHEST)


def _round_step(most: float) -> int:
    """A step of the scale that gives at most six numbers."""
    return next(step for step in (10, 20, 50, 100, 200, 500, 1000, 10**9) if most / step <= 6)
