"""A unit's figure over the years: sealed waves that asked the same audience, with every break in method marked.

Values on both sides of a break were made in different ways: they stand beside each other and are never chained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.model.result import Figure
from survey.model.wave import Wave
from survey.stages import breaks, seals, waves
from survey.stages.breaks import Break, Method

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """The official overall index of one wave, and what breaks the line to the one before."""

    wave: Wave
    row: Row
    breaks: tuple[Break, ...]


def of_unit(session: Session, wave: Wave, run_id: bytes, unit: str) -> list[Point]:
    """The unit's official index in sealed waves of the same audience before this one, the oldest first, then in a
    run of this wave; a wave that tells nothing of the unit is left out."""
    points: list[Point] = []
    last: Method | None = None
    for one, made in [*_earlier(session, wave), (wave, run_id)]:
        row = _headline(session, made, unit)
        if row is None or row["index"] is None:
            continue
        method = breaks.method(session, one, [row])
        points.append(Point(one, row, () if last is None else breaks.between(last, method)))
        last = method
    return points


def _earlier(session: Session, wave: Wave) -> list[tuple[Wave, bytes]]:
    wanted = (
        select(Wave)
        .where(Wave.audience == wave.audience, Wave.state.in_((waves.SEALED, waves.PURGED)))
        .where(Wave.period_to < wave.period_to, Wave.id != wave.id)
        .order_by(Wave.period_to, Wave.code)
    )
    found = ((one, seals.newest(session, one)) for one in session.scalars(wanted))
    return [(one, seal.run_id) for one, seal in found if seal is not None]


def _headline(session: Session, run_id: bytes, unit: str) -> Row | None:
    wanted = select(Figure.row).where(Figure.run_id == run_id, Figure.unit_code == unit, Figure.is_official)
    return session.scalars(wanted.where(Figure.level_of == "overall").order_by(Figure.position)).first()
