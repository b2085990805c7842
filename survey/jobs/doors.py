"""The counts kept at the doors of a wave as the statistics take them: collectors beside others of their mode."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.orm import Session

from analysis.design import BoolArray, IntArray
from analysis.screening.doors import Door
from survey.model.wave import Wave
from survey.stages import doors
from survey.stages.doors import Collector, Counter, Kind

FEWEST = 3  # collectors of a mode: one is compared with the others


def of_wave(session: Session, wave: Wave, modes: Mapping[str, str]) -> tuple[Door, ...]:
    """The wave's doors by kind; `modes` has the extract's words for some of ours."""
    found = doors.collectors(session, wave)
    many = {mode for mode, number in Sums(one.mode for one in found).items() if number >= FEWEST}
    kept = {kind: [one for one in found if one.kind is kind and one.mode in many] for kind in Kind}
    return tuple(_door(kind, rows, modes) for kind, rows in kept.items() if rows)


def _door(kind: Kind, rows: Sequence[Collector], modes: Mapping[str, str]) -> Door:
    known = sorted({one.mode for one in rows})
    gap, speed = (doors.SCALES[counter] for counter in (Counter.GAP, Counter.SPEED))
    hours = 2 * doors.HOURS
    return Door(
        kind=kind.value,
        names=tuple(_name(one, modes) for one in rows),
        context=np.array([known.index(one.mode) for one in rows]),
        slots=_table(rows, Counter.HOUR, hours),
        by_day=False,
        office=np.array([doors.in_office(hour) for hour in range(hours)]),
        gaps=_table(rows, Counter.GAP, gap.bins),
        short=_first(gap.bins, gap.doubtful),
        speeds=_table(rows, Counter.SPEED, speed.bins),
        fast=_first(speed.bins, speed.doubtful),
        asked=np.array([one.asked for one in rows]),
        refused=np.array([one.refused for one in rows]),
    )


def _name(one: Collector, modes: Mapping[str, str]) -> str:
    """The name that the answers' own groups have, so that flags of one collector come together."""
    unit, bar, mode = one.name.rpartition("|")
    return f"{unit}{bar}{modes.get(mode, mode)}" if bar else one.name


def _table(rows: Sequence[Collector], counter: Counter, bins: int) -> IntArray:
    counts = [[one.counts.get((counter, number), 0) for number in range(bins)] for one in rows]
    return np.array(counts, dtype=np.int64)


def _first(bins: int, marked: int) -> BoolArray:
    return np.arange(bins) < marked
