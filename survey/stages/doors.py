"""Doors: when forms come to an end at a counter or with an interviewer, after which gap and how fast; of nobody.

Sums of the whole wave, coarse: an hour of the day, on working days or on days off, and ranges of seconds. Personal
links and officials pass no door (HOUSE section 4, rule 5). The screening of a closed wave compares them (`jobs.doors`).
"""

from __future__ import annotations

from collections import Counter as Sums
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import cast

from sqlalchemy import Executable, Table, func, select
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.db import engine_of, insert_into
from survey.model.door import DoorCount
from survey.model.interview import FieldTally
from survey.model.staff import Account
from survey.model.topup import TopUp
from survey.model.wave import Wave

HOURS = 24
DAY_OFF = 5  # Saturday, counted from Monday
OFFICE = range(7, 17)  # the hours in which a one-stop office is open on a working day
REFUSED, ANSWERED = "refused", ("complete", "partial")


class Kind(StrEnum):
    """What brings forms in: a counter of a unit, or a person with a list."""

    COLLECTOR = "collector"
    INTERVIEWER = "interviewer"


class Counter(StrEnum):
    """What is counted of a form that came to its end."""

    HOUR = "hour"
    GAP = "gap"
    SPEED = "speed"


@dataclass(frozen=True)
class Scale:
    """The bins of a counter: upper limits in seconds, one more past the last; the first ones are hardly possible."""

    limits: tuple[int, ...]
    doubtful: int

    @property
    def bins(self) -> int:
        return len(self.limits) + 1

    def bin_of(self, span: timedelta) -> int:
        return sum(span >= timedelta(seconds=limit) for limit in self.limits)


SCALES = {Counter.GAP: Scale((20, 60, 300, 1800), 2), Counter.SPEED: Scale((30, 60, 120, 300, 900), 1)}


@dataclass(frozen=True)
class Collector:
    """What a door counted by counter and bin, and how many were asked there and refused (none where nobody asks)."""

    kind: Kind
    name: str
    mode: str
    counts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    asked: int = 0
    refused: int = 0


def note(
    session: Session, wave_id: bytes, kind: Kind, collector: str, at: datetime,
    *, gap: timedelta | None = None, took: timedelta | None = None,
) -> None:  # fmt: skip
    """Count a form that came to its end, with the gap to the one before and the time it took where they are known."""
    spans = {Counter.GAP: gap, Counter.SPEED: took}
    bins = {counter: SCALES[counter].bin_of(span) for counter, span in spans.items() if span is not None}
    rows = [
        {"wave_id": wave_id, "kind": kind, "collector": collector, "counter": counter, "bin": number, "number": 1}
        for counter, number in {Counter.HOUR: hour_of(at), **bins}.items()
    ]
    session.connection().execute(_one_more(engine_of(session)), rows)


def hour_of(at: datetime) -> int:
    """The hour of the province's day; on days off the hours after those of working days."""
    local = at.astimezone(PROVINCE_TIME)
    return local.hour + HOURS * (local.weekday() >= DAY_OFF)


def in_office(hour: int) -> bool:
    """Whether an hour lies in office hours."""
    return hour in OFFICE


def collectors(session: Session, wave: Wave) -> list[Collector]:
    """Every door of a wave by kind and name."""
    counts: dict[tuple[str, str], dict[tuple[str, int], int]] = defaultdict(dict)
    for row in session.scalars(select(DoorCount).where(DoorCount.wave_id == wave.id)):
        counts[row.kind, row.collector][row.counter, row.bin] = row.number
    asked = {Kind.COLLECTOR: _at_counters(session, wave), Kind.INTERVIEWER: _by_interviewers(session, wave)}
    names = _names(session)
    found = []
    for (kind, collector), bins in sorted(counts.items()):
        told = asked[Kind(kind)].get(collector, (0, 0))
        mode = collector.rpartition("|")[2] if kind == Kind.COLLECTOR else kind
        found.append(Collector(Kind(kind), names.get(collector, collector), mode, bins, *told))
    return found


def _at_counters(session: Session, wave: Wave) -> dict[str, tuple[int, int]]:
    """Visitors of a unit's top-ups who were asked, and those of them who refused."""
    sums = (func.sum(TopUp.chosen - TopUp.not_eligible), func.sum(TopUp.refused))
    rows = session.execute(select(TopUp.unit_code, *sums).where(TopUp.wave_id == wave.id).group_by(TopUp.unit_code))
    return {f"{unit}|intercept": (int(asked), int(refused)) for unit, asked, refused in rows}


def _by_interviewers(session: Session, wave: Wave) -> dict[str, tuple[int, int]]:
    """People of an interviewer's list who answered or refused, and those who refused."""
    people: Sums[tuple[str, bool]] = Sums()
    for row in session.scalars(select(FieldTally).where(FieldTally.wave_id == wave.id)):
        if row.outcome in (REFUSED, *ANSWERED):
            people[row.account_id.hex(), row.outcome == REFUSED] += row.people
    return {one: (people[one, True] + people[one, False], people[one, True]) for one, _is_refused in list(people)}


def _names(session: Session) -> dict[str, str]:
    return {identity.hex(): email for identity, email in session.execute(select(Account.id, Account.email))}


@cache
def _one_more(engine: str) -> Executable:
    table = cast(Table, DoorCount.__table__)
    row = insert_into(table, engine)
    return row.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={"number": DoorCount.number + 1}
    )
