"""The board: how far each unit is, from counters alone; nothing on it depends on what was answered.

Its cost is that of the cells: rows of `tally`, `class_cell`, `cell_count` and `day_count`, however many answers there
are. Officials are counted once a day and rounded down to 5, by rater group (HOUSE rule 5).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import precision
from survey.datafile import Words
from survey.model.invitation import Invitation
from survey.model.response import Tally
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.precision import Aim
from survey.response_rates import NOBODY, Dispositions
from survey.stages import counts, dispositions, invitations, openings, responses, waves
from survey.stages.counts import Counts, Event
from survey.stages.interviews import Outcome

ROUNDING_OF_OFFICIALS = 5
APART = openings.PERSONAL | {responses.LATE, openings.INTERCEPT}
PACE_OVER = 3  # days
Tallies = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Cell:
    """One joint class of a unit: dossiers, who can be invited and who is, and what happened to the invitations."""

    code: str
    unit: str | None  # none: a rater group
    population: int
    reachable: int
    released: int
    wrong_person: int
    sent: int
    delivered: int
    opened: int
    completed: int
    refused: int

    @property
    def reserve(self) -> int:
        """Drawn people who have no invitation yet."""
        return max(0, self.reachable - self.released)


@dataclass(frozen=True)
class CellProgress:
    """One line of the board; for officials a rater group, its completed forms of the last daily count."""

    code: str
    name_vi: str
    name_en: str
    type: str
    target: int
    invited: int
    completed: int
    counter: int
    cells: tuple[Cell, ...] = ()
    pace: float = 0.0  # forms a day
    half_width: float | None = None
    needed: int = 0  # answers for the wanted half-width
    dispositions: Dispositions = NOBODY
    refused_in_person: int = 0

    @property
    def left(self) -> int:
        return max(0, self.target - self.completed)

    @property
    def missing(self) -> int:
        """Answers until the interval is as narrow as wanted."""
        return max(0, self.needed - self.completed)

    @property
    def population(self) -> int:
        return sum(cell.population for cell in self.cells)

    @property
    def reserve(self) -> int:
        return sum(cell.reserve for cell in self.cells)

    @property
    def sent(self) -> int:
        return sum(cell.sent for cell in self.cells)

    @property
    def delivered(self) -> int:
        return sum(cell.delivered for cell in self.cells)

    @property
    def opened(self) -> int:
        return sum(max(cell.opened, cell.completed) for cell in self.cells)

    @property
    def refused(self) -> int:
        """Who wants no more messages, says that the dossier is not theirs, or refused to an interviewer."""
        return sum(cell.refused + cell.wrong_person for cell in self.cells) + self.refused_in_person


def aim(wave: Wave) -> Aim:
    """The precision that the wave's file wants, or the one by default."""
    return precision.aim_of(wave.settings)


def items(wave: Wave) -> int:
    """How many questions the index is made of."""
    return len(waves.instrument_of(wave).scored_items)


def progress(session: Session, wave: Wave, *, now: datetime | None = None) -> list[CellProgress]:
    """Every unit (citizens) or rater group (officials), by code; the pace is that of the days before `now`."""
    if wave.audience == "officials":
        return _groups(session, wave)
    tallies, happened = _tallies(session, wave), counts.by_cell(session, wave)
    by_unit = _cells_by_unit(session, wave, happened)
    recent, days = _recent(session, wave, now) if now else ({}, 1)
    wanted, number, became = aim(wave), items(wave), dispositions.by_unit(session, wave, happened)
    met = dispositions.outcomes_by_unit(session, wave)
    at_counters = Counter[str]()
    for (cell, mode), count in tallies.items():
        at_counters[cell] += 0 if mode in APART else count
    lines = []
    for unit, target in waves.units_of(session, wave):
        cells = by_unit.get(unit.code, ())
        completed = sum(tallies.get((unit.code, mode), 0) for mode in openings.PERSONAL)
        people = sum(cell.population for cell in cells)
        lines.append(CellProgress(
            code=unit.code,
            name_vi=unit.name_vi,
            name_en=unit.name_en,
            type=unit.type,
            target=target,
            invited=sum(cell.released for cell in cells),
            completed=completed,
            counter=at_counters[unit.code],
            cells=cells,
            pace=recent.get(unit.code, 0) / days,
            half_width=precision.half_width(wanted, number, completed, people) if people else None,
            needed=precision.answers_for(wanted, number, people),
            dispositions=became.get(unit.code, NOBODY),
            refused_in_person=met.get(unit.code, {}).get(Outcome.REFUSED, 0),
        ))  # fmt: skip
    return lines


def cells(session: Session, wave: Wave, happened: Counts | None = None) -> list[Cell]:
    """Every joint class of a citizens' wave with its counts, by code; `happened` where the caller has read it."""
    happened = counts.by_cell(session, wave) if happened is None else happened
    are_out = is_issued(session, wave)
    rows = session.connection().execute(
        select(
            ClassCell.class_code, ClassCell.unit_code, ClassCell.population, ClassCell.reachable, ClassCell.invited,
            ClassCell.wrong_person,
        )
        .where(ClassCell.wave_id == wave.id)
        .order_by(ClassCell.class_code)
    )  # fmt: skip
    found = []
    for code, unit, population, reachable, invited, wrong_person in rows:
        events = happened.get(code, {})
        released = invited if are_out else 0
        told = [events.get(event, 0) for event in Event]
        found.append(Cell(code, unit, population, reachable, released, wrong_person, *told))
    return found


def is_issued(session: Session, wave: Wave) -> bool:
    """Whether links are out; before that the classes say who will be invited."""
    some = select(Invitation.id).where(Invitation.wave_id == wave.id).limit(1)
    return wave.state in waves.OVER or session.scalar(some) is not None


def _cells_by_unit(session: Session, wave: Wave, happened: Counts) -> dict[str, tuple[Cell, ...]]:
    by_unit: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells(session, wave, happened):
        by_unit[cell.unit or ""].append(cell)
    return {unit: tuple(found) for unit, found in by_unit.items()}


def _tallies(session: Session, wave: Wave) -> Tallies:
    rows = session.execute(select(Tally.cell, Tally.mode, Tally.completed).where(Tally.wave_id == wave.id))
    return {(cell, mode): completed for cell, mode, completed in rows}


def _recent(session: Session, wave: Wave, now: datetime) -> tuple[dict[str, int], float]:
    """Forms of the last days by unit, and how many days these are, begun ones as far as they are over."""
    start = max(now - timedelta(days=PACE_OVER), wave.opened_at or now)
    days = max((now - start).total_seconds() / 86400, 0.25)
    return counts.since(session, wave, counts.day_of(start)), days


# --- officials: once a day, rounded


def _groups(session: Session, wave: Wave) -> list[CellProgress]:
    names = {group.code: group.name for group in waves.instrument_of(wave).rater_groups}
    completed = rounded(session, wave) if wave.state in waves.OVER else _counted(session, wave)
    invited = invitations.counts_by_unit(session, wave)
    return [_group(code, names.get(code), count, completed.get(code, 0)) for code, count in sorted(invited.items())]


def rounded(session: Session, wave: Wave) -> dict[str, int]:
    """Completed forms of each rater group at this moment, rounded down to 5."""
    tallies = _tallies(session, wave)
    return {
        group: tallies.get((group, openings.LINK), 0) // ROUNDING_OF_OFFICIALS * ROUNDING_OF_OFFICIALS
        for group in invitations.counts_by_unit(session, wave)
    }


def _counted(session: Session, wave: Wave) -> dict[str, int]:
    day = counts.last_day(session, wave)
    return {} if day is None else counts.on_day(session, wave, day)


def counted_on(session: Session, wave: Wave) -> date | None:
    """The day of the last count of an officials' wave."""
    return counts.last_day(session, wave)


def keep_day(session: Session, wave: Wave, now: datetime) -> None:
    """Take the day's count of an officials' wave, once; a second call on the same day changes nothing."""
    if counts.last_day(session, wave) != counts.day_of(now):
        for group, completed in rounded(session, wave).items():
            counts.keep_day(session, wave.id, group, now, completed)


def _group(code: str, name: Words | None, invited: int, completed: int) -> CellProgress:
    vi, en = (name("vi"), name("en")) if name else (code, code)
    return CellProgress(code, vi, en, "group", invited, invited, completed, 0)
