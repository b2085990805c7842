"""Hard cells of counter, kiosk and open links: a place is taken by a conditional update, held, renewed, given back."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, insert, select, update
from sqlalchemy.orm import Session

from survey.errors.common import CellFull, LinkClosed
from survey.keys import Keys, WaveKey, normalise_code
from survey.model.base import new_id
from survey.model.quota import QuotaCell, Reservation
from survey.model.wave import Wave
from survey.stages import waves

HOLD = timedelta(minutes=30)
KIOSK = "kiosk"
SPACING = timedelta(seconds=60)  # nobody reads a form and hands the tablet on in less
_BY_CODE = (
    select(QuotaCell, waves.STANDING)
    .join(Wave, Wave.id == QuotaCell.wave_id)
    .where(QuotaCell.code_mark.in_(bindparam("marks", expanding=True)))
)
_TAKE = (
    update(QuotaCell)
    .where(QuotaCell.id == bindparam("cell"), QuotaCell.taken < QuotaCell.target)
    .values(taken=QuotaCell.taken + 1)
)
_GIVE_BACK = update(QuotaCell).where(QuotaCell.id == bindparam("cell")).values(taken=QuotaCell.taken - 1)
_RENEW = (
    update(Reservation)
    .where(Reservation.mark == bindparam("held"), Reservation.expires_at > bindparam("now"))
    .values(expires_at=bindparam("until"))
)
_SPACE = (
    update(QuotaCell)
    .where(QuotaCell.id == bindparam("cell"))
    .values(
        too_fast=QuotaCell.too_fast + case((QuotaCell.last_at > bindparam("since"), 1), else_=0),
        last_at=bindparam("now"),
    )
)
_HOLD = insert(Reservation)
_LET_GO = delete(Reservation).where(Reservation.mark == bindparam("held"))
_BEGUN = select(Reservation.begun_at).where(Reservation.mark == bindparam("held"))
_LAST = select(QuotaCell.last_at).where(QuotaCell.id == bindparam("cell"))
_OVER = select(Reservation.mark, Reservation.cell_id).where(Reservation.expires_at <= bindparam("now"))
_OVER_HERE = _OVER.where(Reservation.cell_id == bindparam("cell"))


def create_cell(
    session: Session, wave: Wave, *, key: WaveKey, unit_code: str, point_of_service: str | None, mode: str, target: int
) -> tuple[QuotaCell, str]:
    """A new cell and the code of its poster, where the wave's file foresees such a door."""
    waves.require_mode(wave, mode)
    cell = QuotaCell(
        id=new_id(),
        wave_id=wave.id,
        unit_code=unit_code,
        point_of_service=point_of_service,
        mode=mode,
        code_mark=b"",
        target=target,
        taken=0,
        last_at=None,
        too_fast=0,
    )
    code = key.code(cell.id)
    cell.code_mark = key.mark("code", code)
    session.add(cell)
    session.flush()
    return cell, code


def find_by_code(session: Session, keys: Keys, code: str) -> tuple[QuotaCell, Wave]:
    """The cell behind a poster's code, in whichever open wave it is; LinkClosed otherwise."""
    for known in (waves.known, waves.look_again):
        open_waves = known(session)
        marks = [keys.wave(wave_id).mark("code", normalise_code(code)) for wave_id in open_waves]
        found = session.execute(_BY_CODE, {"marks": marks}).first() if marks else None
        if found is not None and open_waves[found[0].wave_id].standing == found[1]:
            return found[0], open_waves[found[0].wave_id].wave
    raise LinkClosed()


def reserve(session: Session, cell_id: bytes, mark: bytes, now: datetime) -> None:
    """Hold a place for an open form; a form that holds one already keeps it a while longer."""
    if renew(session, mark, now):
        return
    expire(session, now, cell_id=cell_id)
    if session.connection().execute(_TAKE, {"cell": cell_id}).rowcount != 1:
        raise CellFull()
    session.connection().execute(_HOLD, {"mark": mark, "cell_id": cell_id, "expires_at": now + HOLD, "begun_at": now})


def renew(session: Session, mark: bytes, now: datetime) -> bool:
    """Hold the place for another while; False when the form holds none (any more)."""
    kept = session.connection().execute(_RENEW, {"held": mark, "now": now, "until": now + HOLD})
    return kept.rowcount == 1


def use(session: Session, cell_id: bytes, mark: bytes, now: datetime) -> timedelta | None:
    """Turn a held place into a completed one, and tell since when it was held; a place that ran out is taken anew if
    there is one, and nothing is known of its time."""
    begun = session.connection().execute(_BEGUN, {"held": mark}).scalar()
    reserve(session, cell_id, mark, now)
    session.connection().execute(_LET_GO, {"held": mark})
    return now - begun if begun else None


def space(session: Session, cell_id: bytes, now: datetime, *, is_kiosk: bool) -> timedelta | None:
    """The gap to the form before; at a kiosk one that followed too fast is counted, while two phones may stand at one
    poster. Nothing of it stands beside the answer."""
    last = session.connection().execute(_LAST, {"cell": cell_id}).scalar()
    since = now - SPACING if is_kiosk else now
    session.connection().execute(_SPACE, {"cell": cell_id, "now": now, "since": since})
    return now - last if last else None


def of_wave(session: Session, wave: Wave) -> list[QuotaCell]:
    """The posters and kiosks of a wave, by unit."""
    cells = select(QuotaCell).where(QuotaCell.wave_id == wave.id).order_by(QuotaCell.unit_code, QuotaCell.id)
    return list(session.scalars(cells))


def release(session: Session, cell_id: bytes, mark: bytes) -> None:
    """Give back the place of a form that was put away before it was sent."""
    if session.connection().execute(_LET_GO, {"held": mark}).rowcount == 1:
        session.connection().execute(_GIVE_BACK, {"cell": cell_id})


def expire(session: Session, now: datetime, *, cell_id: bytes | None = None) -> int:
    """Give back the places whose time is over; the number given back."""
    connection = session.connection()
    over = _OVER if cell_id is None else _OVER_HERE
    returned = 0
    for mark, cell in connection.execute(over, {"now": now, "cell": cell_id}).all():
        gone = connection.execute(_LET_GO.where(Reservation.expires_at <= now), {"held": mark})
        if gone.rowcount == 1:
            connection.execute(_GIVE_BACK, {"cell": cell})
            returned += 1
    return returned
