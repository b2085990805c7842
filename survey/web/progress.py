"""What the board shows of a unit: its state in a word, its pace, and the day when it will have what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from survey import precision
from survey.i18n import EN
from survey.model.wave import Wave
from survey.precision import Aim
from survey.stages import board, counts, waves
from survey.stages.board import CellProgress
from survey.web.site import data_language

REACHED, ON_TRACK, BEHIND, EXHAUSTED = "reached", "on_track", "behind", "exhausted"
NONE, WAITING, SHORT, COUNTED = "none", "waiting", "short", "counted"
IN_NEED = (EXHAUSTED, BEHIND, NONE, WAITING, SHORT)
ORDER = {state: place for place, state in enumerate((*IN_NEED, ON_TRACK, COUNTED, REACHED))}
FARTHEST = 400  # days: what takes longer has no day


@dataclass(frozen=True)
class Line:
    """One line of the board; `state` is told in words, the colour only repeats it."""

    cell: CellProgress
    state: str
    met_on: date | None  # when the target will be met at this pace
    precise_on: date | None  # when the interval will be as narrow as wanted

    @property
    def name(self) -> str:
        return self.cell.name_en if data_language() == EN else self.cell.name_vi

    @property
    def rate(self) -> float | None:
        return 100 * self.cell.completed / self.cell.invited if self.cell.invited else None

    @property
    def share(self) -> float:
        """How much of the target is there, 0..1."""
        return min(self.cell.completed / self.cell.target, 1.0) if self.cell.target else 0.0


@dataclass(frozen=True)
class Totals:
    """The sums over the board, and its state in counts of units."""

    target: int
    invited: int
    reserve: int
    sent: int
    delivered: int
    opened: int
    completed: int
    refused: int
    left: int
    counter: int
    pace: float
    met_on: date | None
    units: int
    reached: int

    @property
    def rate(self) -> float | None:
        return 100 * self.completed / self.invited if self.invited else None


def lines_of(wave: Wave, cells: Iterable[CellProgress], now: datetime) -> list[Line]:
    """Every unit or group as a line, those in need first, then by name."""
    wanted = board.aim(wave)
    found = [line(wave, wanted, cell, now) for cell in cells]
    return sorted(found, key=lambda one: (ORDER[one.state], -one.cell.missing, one.cell.code))


def line(wave: Wave, wanted: Aim, cell: CellProgress, now: datetime) -> Line:
    if cell.type == "group":
        return Line(cell, COUNTED, None, None)
    precise_on = day_when(cell.missing, cell.pace, now)
    return Line(cell, state_of(wave, wanted, cell, precise_on), day_when(cell.left, cell.pace, now), precise_on)


def state_of(wave: Wave, wanted: Aim, cell: CellProgress, precise_on: date | None) -> str:
    """Green when the interval is as narrow as wanted, not when a number of forms is there."""
    if cell.half_width is not None and cell.half_width <= wanted.half_width:
        return REACHED
    if wave.state in waves.OVER:
        return SHORT
    if not cell.invited:
        return WAITING
    if not cell.completed:
        return NONE
    if precise_on is not None and precise_on <= counts.day_of(wave.closes):
        return ON_TRACK
    return BEHIND if cell.reserve else EXHAUSTED


def day_when(left: int, pace: float, now: datetime) -> date | None:
    """The day on which so many more forms will be there; None where that is too far to say."""
    days = precision.days_until(left, pace)
    return counts.day_of(now + timedelta(days=ceil(days))) if days <= FARTHEST else None


def totals(lines: Sequence[Line], now: datetime) -> Totals:
    cells = [one.cell for one in lines]
    left, pace = sum(cell.left for cell in cells), sum(cell.pace for cell in cells)
    return Totals(
        target=sum(cell.target for cell in cells),
        invited=sum(cell.invited for cell in cells),
        reserve=sum(cell.reserve for cell in cells),
        sent=sum(cell.sent for cell in cells),
        delivered=sum(cell.delivered for cell in cells),
        opened=sum(cell.opened for cell in cells),
        completed=sum(cell.completed for cell in cells),
        refused=sum(cell.refused for cell in cells),
        left=left,
        counter=sum(cell.counter for cell in cells),
        pace=pace,
        met_on=day_when(left, pace, now),
        units=len(lines),
        reached=sum(one.state == REACHED for one in lines),
    )


@dataclass(frozen=True)
class Curve:
    """Forms so far, day by day, as points of a picture 600 x 160, and where the wanted number lies."""

    days: tuple[tuple[date, int, int], ...]  # day, forms of the day, forms so far
    points: str
    goal_y: float | None
    top: int

    @property
    def last(self) -> int:
        return self.days[-1][2] if self.days else 0


WIDTH, HEIGHT = 600, 160


def curve(wave: Wave, by_day: Mapping[date, int], goal: int, *, is_sum: bool) -> Curve | None:
    """The picture of the forms over the wave's days; `is_sum`: the counts are sums already. None before the first."""
    if not by_day:
        return None
    so_far, days = 0, []
    for day, number in sorted(by_day.items()):
        new = number - so_far if is_sum else number
        so_far += new
        days.append((day, new, so_far))
    start, end = counts.day_of(wave.opens), max(counts.day_of(wave.closes), days[-1][0])
    span, top = max((end - start).days + 1, 1), max(goal, so_far, 1)
    places = [(WIDTH * max((day - start).days + 1, 0) / span, HEIGHT * (1 - total / top)) for day, _new, total in days]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(0.0, float(HEIGHT)), *places])
    return Curve(tuple(days), points, HEIGHT * (1 - goal / top) if goal else None, top)


def as_numbers(wave: Wave, lines: Sequence[Line], now: datetime, counted_on: date | None) -> dict[str, Any]:
    """The board as data for other offices' screens: the same numbers, cells included."""
    wanted = board.aim(wave)
    return {
        "wave": wave.code,
        "kind": wave.kind,
        "audience": wave.audience,
        "state": wave.state,
        "closes": wave.closes.isoformat(),
        "as_of": now.isoformat() if counted_on is None else counted_on.isoformat(),
        "wanted_half_width": f"{wanted.half_width:.2f}",
        "units": [_unit_numbers(one, wave) for one in lines],
    }


def _unit_numbers(one: Line, wave: Wave) -> dict[str, Any]:
    cell = one.cell
    told: dict[str, Any] = {
        "code": cell.code,
        "name_vi": cell.name_vi,
        "name_en": cell.name_en,
        "target": cell.target,
        "released": cell.invited,
        "completed": cell.completed,
        "left": cell.left,
    }
    if wave.audience == "officials":
        return told
    rates = cell.dispositions
    return told | {
        "state": one.state,
        "reserve": cell.reserve,
        "sent": cell.sent,
        "delivered": cell.delivered,
        "opened": cell.opened,
        "refused": cell.refused,
        "at_counters": cell.counter,
        "pace": f"{cell.pace:.2f}",
        "target_met_on": one.met_on.isoformat() if one.met_on else None,
        "half_width": None if cell.half_width is None else f"{cell.half_width:.2f}",
        "answers_needed": cell.needed,
        "precise_on": one.precise_on.isoformat() if one.precise_on else None,
        "response_rates": {f"RR{number}": _decimal(rates.rate(number)) for number in (1, 2, 3, 4)},
        "cells": [
            {
                "code": part.code,
                "dossiers": part.population,
                "released": part.released,
                "reserve": part.reserve,
                "sent": part.sent,
                "delivered": part.delivered,
                "opened": part.opened,
                "completed": part.completed,
                "refused": part.refused + part.wrong_person,
            }
            for part in cell.cells
        ],
    }


def _decimal(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
