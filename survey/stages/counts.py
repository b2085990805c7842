"""Counts: what happened in each joint class and on each day, raised in the transaction of the event itself.

The board reads these rows alone, so that its cost does not grow with the answers. Nothing here says who: a class holds
at least ten people. Officials are not counted by event at all, only by day and rounded (HOUSE rule 5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import cast

from sqlalchemy import Executable, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from survey.config import PROVINCE_TIME
from survey.db import engine_of, insert_into
from survey.model.progress import CellCount, DayCount
from survey.model.wave import Wave
from survey.statements import Prepared

CITIZENS = "citizens"


class Event(StrEnum):
    """What may happen to an invitation; each is counted once a person."""

    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    COMPLETED = "completed"
    REFUSED = "refused"


Counts = Mapping[str, Mapping[Event, int]]
_EVENTS = {event.value: event for event in Event}
_BY_CELL = select(CellCount.cell, CellCount.event, CellCount.number).where(CellCount.wave_id == bindparam("wave"))


def note(session: Session, wave_id: bytes, cell: str, event: Event, number: int = 1) -> None:
    """So many more of an event in a class; a negative number takes back what turned out otherwise."""
    if number < 0:
        mine = (CellCount.wave_id == wave_id) & (CellCount.cell == cell) & (CellCount.event == event)
        less = update(CellCount).where(mine, CellCount.number >= -number).values(number=CellCount.number + number)
        session.execute(less)
        return
    _more.run(session, wave_id=wave_id, cell=cell, event=event.value, number=number)


def note_day(session: Session, wave_id: bytes, cell: str, now: datetime) -> None:
    """One more completed form of a unit on this day of the province."""
    _one_more_today.run(session, wave_id=wave_id, cell=cell, day=day_of(now), completed=1)


def keep_day(session: Session, wave_id: bytes, cell: str, now: datetime, completed: int) -> None:
    """What a rater group had on this day, already rounded; told once a day and never changed."""
    table = cast(Table, DayCount.__table__)
    row = {"wave_id": wave_id, "cell": cell, "day": day_of(now), "completed": completed}
    session.connection().execute(insert_into(table, engine_of(session)).on_conflict_do_nothing(), row)


def day_of(now: datetime) -> date:
    """The civil day of the province."""
    return now.astimezone(PROVINCE_TIME).date()


def by_cell(session: Session, wave: Wave) -> dict[str, dict[Event, int]]:
    """Every event's number by class."""
    found: dict[str, dict[Event, int]] = defaultdict(dict)
    for cell, event, number in session.connection().execute(_BY_CELL, {"wave": wave.id}):
        found[cell][_EVENTS[event]] = number
    return found


def by_day(session: Session, wave: Wave, cell: str | None = None) -> dict[date, int]:
    """Completed forms of each day, of the whole wave or of one unit or group."""
    mine = DayCount.wave_id == wave.id
    if cell is not None:
        mine &= DayCount.cell == cell
    rows = session.execute(
        select(DayCount.day, func.sum(DayCount.completed)).where(mine).group_by(DayCount.day).order_by(DayCount.day)
    )
    return {day: int(number) for day, number in rows}


def since(session: Session, wave: Wave, day: date) -> dict[str, int]:
    """Completed forms from a day on, by unit."""
    mine = (DayCount.wave_id == wave.id) & (DayCount.day >= day)
    rows = session.execute(select(DayCount.cell, func.sum(DayCount.completed)).where(mine).group_by(DayCount.cell))
    return {str(cell): int(number) for cell, number in rows}


def last_day(session: Session, wave: Wave) -> date | None:
    """The newest day of which something was counted."""
    return session.scalar(select(func.max(DayCount.day)).where(DayCount.wave_id == wave.id))


def on_day(session: Session, wave: Wave, day: date) -> dict[str, int]:
    """What was counted on one day, by unit or group."""
    rows = session.execute(
        select(DayCount.cell, DayCount.completed).where(DayCount.wave_id == wave.id, DayCount.day == day)
    )
    return {str(cell): int(number) for cell, number in rows}


@Prepared
def _more(engine: str) -> Executable:
    row = insert_into(cast(Table, CellCount.__table__), engine)
    key = [CellCount.wave_id, CellCount.cell, CellCount.event]
    return row.on_conflict_do_update(index_elements=key, set_={"number": CellCount.number + row.excluded.number})


@Prepared
def _one_more_today(engine: str) -> Executable:
    row = insert_into(cast(Table, DayCount.__table__), engine)
    key = [DayCount.wave_id, DayCount.cell, DayCount.day]
    return row.on_conflict_do_update(index_elements=key, set_={"completed": DayCount.completed + 1})
