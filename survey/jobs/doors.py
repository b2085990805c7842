"""The counts kept at the doors of a wave as the statistics take them: collectors beside others of their mode.

What an auditor gets as a file (`write`) is what the wave is screened by, so both find the same. A counter with fewer
than ten forms is neither looked at nor told, and a file tells two numbers of it: all usual bins, all doubtful ones.
"""

from __future__ import annotations

import csv
from collections import Counter as Sums
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from analysis.commands.door import COLUMNS
from analysis.design import BoolArray, IntArray
from analysis.screening.doors import Door
from survey.model.wave import Wave
from survey.stages import doors
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.doors import Collector, Counter, Kind
from survey.stages.exports import BOM, csv_cell

FEWEST = 3  # collectors of a mode: one is compared with the others
USUAL, DOUBTFUL = ("usual", "no"), ("doubtful", "yes")


def of_wave(session: Session, wave: Wave, modes: Mapping[str, str]) -> tuple[Door, ...]:
    """The wave's doors by kind; `modes` has the extract's words for some of ours."""
    found = [one for one in map(_told, doors.collectors(session, wave)) if one.counts or one.asked]
    many = {mode for mode, number in Sums(one.mode for one in found).items() if number >= FEWEST}
    kept = {kind: [one for one in found if one.kind is kind and one.mode in many] for kind in Kind}
    return tuple(_door(kind, rows, modes) for kind, rows in kept.items() if rows)


def write(door: Sequence[Door], path: Path) -> None:
    """The counters as the CSV that `python -m analysis screen --door` reads."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(BOM)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([csv_cell(cell) for cell in row] for one in door for row in _lines(one))


def _lines(door: Door) -> Iterator[tuple[str | int, ...]]:
    tables = (
        ("hour_of_day", door.slots, ~door.office), ("gap", door.gaps, door.short), ("speed", door.speeds, door.fast),
    )  # fmt: skip
    for row, name in enumerate(door.names):
        place, bar, mode = name.rpartition("|")
        who = (place, mode) if bar else (name, door.kind)
        for counter, table, doubtful in tables:
            if table[row].any():
                yield (*who, counter, *USUAL, int(table[row, ~doubtful].sum()))
                yield (*who, counter, *DOUBTFUL, int(table[row, doubtful].sum()))
        if door.asked[row]:
            yield (*who, "asked", "", "", int(door.asked[row]))
            yield (*who, "refused", "", "", int(door.refused[row]))


def _told(one: Collector) -> Collector:
    """A collector without the counters of fewer than ten."""
    totals: Sums[str] = Sums()
    for (counter, _bin), number in one.counts.items():
        totals[counter] += number
    counts = {key: number for key, number in one.counts.items() if totals[key[0]] >= PRIVACY_FLOOR}
    is_told = one.asked >= PRIVACY_FLOOR
    return replace(one, counts=counts, asked=one.asked * is_told, refused=one.refused * is_told)


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
