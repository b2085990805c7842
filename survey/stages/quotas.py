"""Hard cells of counter, kiosk and open links: a place is taken by a conditional update, held, renewed, given back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from survey.errors import CellFull, LinkClosed
from survey.keys import Keys, WaveKey, normalise_code
from survey.model.base import new_id
from survey.model.quota import QuotaCell, Reservation
from survey.model.wave import Wave

HOLD = timedelta(minutes=30)


def create_cell(
    session: Session, wave: Wave, *, key: WaveKey, unit_code: str, point_of_service: str | None, mode: str, target: int
) -> tuple[QuotaCell, str]:
    """A new cell and the code of its poster."""
    cell = QuotaCell(
        id=new_id(),
        wave_id=wave.id,
        unit_code=unit_code,
        point_of_service=point_of_service,
        mode=mode,
        code_mark=b"",
        target=target,
        taken=0,
    )
    code = key.code(cell.id)
    cell.code_mark = key.mark("code", code)
    session.add(cell)
    session.flush()
    return cell, code


def find_by_code(session: Session, keys: Keys, code: str) -> tuple[QuotaCell, Wave]:
    """The cell behind a poster's code, in whichever open wave it is; LinkClosed otherwise."""
    for wave in session.scalars(select(Wave).where(Wave.state == "open")):
        mark = keys.wave(wave.id).mark("code", normalise_code(code))
        cell = session.scalars(select(QuotaCell).where(QuotaCell.code_mark == mark)).first()
        if cell is not None:
            return cell, wave
    raise LinkClosed()


def cells_of(session: Session, wave: Wave) -> list[QuotaCell]:
    return list(session.scalars(select(QuotaCell).where(QuotaCell.wave_id == wave.id).order_by(QuotaCell.unit_code)))


def reserve(session: Session, cell_id: bytes, mark: bytes, now: datetime) -> None:
    """Hold a place for an open form; a form that holds one already keeps it a while longer."""
    if renew(session, mark, now):
        return
    expire(session, now, cell_id=cell_id)
    taken = session.execute(
        update(QuotaCell)
        .where(QuotaCell.id == cell_id, QuotaCell.taken < QuotaCell.target)
        .values(taken=QuotaCell.taken + 1)
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[object], taken).rowcount != 1:
        raise CellFull()
    session.add(Reservation(mark=mark, cell_id=cell_id, expires_at=now + HOLD))
    session.flush()


def renew(session: Session, mark: bytes, now: datetime) -> bool:
    """Hold the place for another while; False when the form holds none (any more)."""
    kept = session.execute(
        update(Reservation)
        .where(Reservation.mark == mark, Reservation.expires_at > now)
        .values(expires_at=now + HOLD)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[object], kept).rowcount == 1


def use(session: Session, cell_id: bytes, mark: bytes, now: datetime) -> None:
    """Turn a held place into a completed one; a place that ran out is taken anew if there is one."""
    reserve(session, cell_id, mark, now)
    session.execute(delete(Reservation).where(Reservation.mark == mark))


def expire(session: Session, now: datetime, *, cell_id: bytes | None = None) -> int:
    """Give back the places whose time is over; the number given back."""
    over = select(Reservation.mark, Reservation.cell_id).where(Reservation.expires_at <= now)
    if cell_id is not None:
        over = over.where(Reservation.cell_id == cell_id)
    returned = 0
    for mark, cell in session.execute(over).all():
        gone = session.execute(delete(Reservation).where(Reservation.mark == mark, Reservation.expires_at <= now))
        if cast(CursorResult[object], gone).rowcount == 1:
            session.execute(
                update(QuotaCell)
                .where(QuotaCell.id == cell)
                .values(taken=QuotaCell.taken - 1)
                .execution_options(synchronize_session=False)
            )
            returned += 1
    return returned
