"""The board: how far each unit is, from counters alone; nothing on it depends on what was answered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.datafile import Words
from survey.model.response import Tally
from survey.model.wave import Wave
from survey.stages import invitations, responses, waves

ROUNDING_OF_OFFICIALS = 5
APART = responses.PERSONAL | {responses.LATE, responses.INTERCEPT}


@dataclass(frozen=True)
class CellProgress:
    """One line of the board; for officials a rater group, its completed forms rounded down to five."""

    code: str
    name_vi: str
    name_en: str
    type: str
    target: int
    invited: int
    completed: int
    counter: int

    @property
    def left(self) -> int:
        return max(0, self.target - self.completed)


def progress(session: Session, wave: Wave) -> list[CellProgress]:
    """Target, invited, completed and left of each unit (citizens) or rater group (officials), by code."""
    invited = invitations.counts_by_unit(session, wave)
    counted = {
        (cell, mode): completed
        for cell, mode, completed in session.execute(
            select(Tally.cell, Tally.mode, Tally.completed).where(Tally.wave_id == wave.id)
        )
    }
    if wave.audience == "officials":
        names = {group.code: group.name for group in waves.instrument_of(wave).rater_groups}
        return [_group(code, names.get(code), count, counted) for code, count in sorted(invited.items())]
    return [
        CellProgress(
            code=unit.code,
            name_vi=unit.name_vi,
            name_en=unit.name_en,
            type=unit.type,
            target=target,
            invited=invited.get(unit.code, 0),
            completed=sum(counted.get((unit.code, mode), 0) for mode in responses.PERSONAL),
            counter=sum(count for (cell, mode), count in counted.items() if cell == unit.code and mode not in APART),
        )
        for unit, target in waves.units_of(session, wave)
    ]


def _group(code: str, name: Words | None, invited: int, counted: dict[tuple[str, str], int]) -> CellProgress:
    completed = counted.get((code, "link"), 0) // ROUNDING_OF_OFFICIALS * ROUNDING_OF_OFFICIALS
    vi, en = (name("vi"), name("en")) if name else (code, code)
    return CellProgress(code, vi, en, "group", invited, invited, completed, 0)
