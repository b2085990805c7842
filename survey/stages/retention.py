"""Retention (thời hạn lưu trữ): what has had its time is deleted, and the log proves what, how much and by which date.

The close itself deletes the register and the contacts (HOUSE rule 5); here goes what outlives it for a while, what
nobody ended, and the lists of waves that never opened. Answers stay: they are nobody's, and results must be recomputed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from survey import keeping
from survey.answers import split_name
from survey.config import PROVINCE_TIME
from survey.instrument import IN_WORDS
from survey.keeping import Deadline
from survey.model.base import Base
from survey.model.draft import Draft
from survey.model.feedback import Feedback
from survey.model.frame import Dossier, FrameFile, QuarantinedRow
from survey.model.invitation import Invitation
from survey.model.message import Message
from survey.model.quota import Reservation
from survey.model.rater import Rater
from survey.model.response import Facts, Spooled
from survey.model.sample import SampledDossier
from survey.model.staff import AccountLink, KnownDevice, StaffSession
from survey.model.upload import FrameUpload, FrameUploadPart
from survey.model.wave import Wave
from survey.stages import audit, quotas, responses, waves

OVERDUE = timedelta(days=30)
AT_ONCE = 500
EMPTIED = (
    Draft, Reservation, StaffSession, QuarantinedRow, Message, Dossier, Facts, Feedback, Rater, Invitation,
    SampledDossier,
)  # fmt: skip


@dataclass(frozen=True)
class Purged:
    """What was, or would be, deleted: table -> rows; waves that nobody closed or opened, by code."""

    rows: dict[str, int]
    unopened: tuple[str, ...]
    overdue: tuple[str, ...]


def finished(session: Session) -> list[Wave]:
    """Waves whose close came to its end: nothing of them waits in the spool."""
    waiting = select(Spooled.wave_id)
    return list(session.scalars(select(Wave).where(Wave.state.in_(waves.OVER), Wave.id.not_in(waiting))))


def purge(session: Session, *, actor: str, now: datetime, dry_run: bool) -> Purged:
    """Delete what has had its time, and write it into the log when that was anything."""
    rows, words = Counter[str](), _words(session, now)
    for look in (_expired, _of_closed_waves):
        rows.update(look(session, now, dry_run))
    rows.update(_drop_words(session, words, now, dry_run))
    unopened = _unopened(session, now)
    for wave in unopened:
        rows.update(_forget(session, wave, dry_run))
    told = Purged(dict(+rows), tuple(wave.code for wave in unopened), _overdue(session, now))
    for wave in [] if dry_run else [*unopened, *_done_with(session, now)]:
        waves.move(session, wave, waves.PURGED, action="wave.purge", actor=actor, now=now)
    if told.rows and not dry_run:
        detail = {"deleted": told.rows, "unopened": list(told.unopened), "rules": keeping.version()}
        detail["words"] = sorted(words)
        detail["days"] = {name.value: days for name, days in keeping.days().items()}
        audit.record(session, actor=actor, action="retention.purge", subject="site", detail=detail, now=now)
    return told


def _expired(session: Session, now: datetime, dry_run: bool) -> dict[str, int]:
    """Drafts, sign-ins and held places whose own time is over."""
    today = now.astimezone(PROVINCE_TIME).date()
    places = _count(session, Reservation, Reservation.expires_at <= now)
    if not dry_run:
        quotas.expire(session, now)  # a place that nobody holds any more is free again
    return {
        "reservation": places,
        "draft": _drop(session, Draft, Draft.expires_on < today, dry_run),
        "staff_session": _drop(session, StaffSession, StaffSession.expires_at <= now, dry_run),
        "account_link": _drop(session, AccountLink, AccountLink.expires_at <= now, dry_run),
        "frame_upload_part": _drop(session, FrameUploadPart, FrameUploadPart.expires_at <= now, dry_run),
        "known_device": _drop(session, KnownDevice, KnownDevice.expires_at <= now, dry_run),
    }


def _of_closed_waves(session: Session, now: datetime, dry_run: bool) -> dict[str, int]:
    """What is kept for questions and complaints after the close, and no longer."""
    files = select(FrameFile.id).where(FrameFile.wave_id.in_(_closed_for(Deadline.SET_ASIDE, now)))
    return {
        "frame_upload": _drop(session, FrameUpload, _read_uploads(now), dry_run),
        "quarantined_row": _drop(session, QuarantinedRow, QuarantinedRow.file_id.in_(files), dry_run),
        "dossier": _drop(session, Dossier, Dossier.wave_id.in_(_closed_for(Deadline.FRAME, now)), dry_run),
    }


def _read_uploads(now: datetime) -> ColumnElement[bool]:
    """What was found in lists sent by a page: their pieces went before."""
    waiting = select(FrameUploadPart.upload_id)
    return FrameUpload.wave_id.in_(_closed_for(Deadline.SET_ASIDE, now)) & FrameUpload.id.not_in(waiting)


def _words(session: Session, now: datetime) -> dict[str, list[bytes]]:
    """By wave what citizens wrote in their own words and had its time: it may name somebody; what they chose from a
    list does not."""
    found = {}
    for wave in session.scalars(select(Wave).where(Wave.id.in_(_closed_for(Deadline.WORDS, now)))):
        written = in_words(wave)
        rows = session.execute(select(Facts.id, Facts.items).where(Facts.wave_id == wave.id))
        found[wave.code] = [one for one, items in rows if has_words(items, written)]
    return {code: ids for code, ids in found.items() if ids}


def _drop_words(session: Session, words: Mapping[str, list[bytes]], now: datetime, dry_run: bool) -> dict[str, int]:
    """Those, and the sentences that citizens sent on."""
    for ids in () if dry_run else words.values():
        for start in range(0, len(ids), AT_ONCE):
            session.execute(delete(Facts).where(Facts.id.in_(ids[start : start + AT_ONCE])))
    sent_on = _drop(session, Feedback, Feedback.wave_id.in_(_closed_for(Deadline.WORDS, now)), dry_run)
    return {"facts": sum(map(len, words.values())), "feedback": sent_on}


def in_words(wave: Wave) -> frozenset[str]:
    """The questions that are answered in one's own words."""
    return frozenset(item.code for item in waves.instrument_of(wave).items if item.type in IN_WORDS)


def has_words(items: Iterable[str], written: Collection[str]) -> bool:
    """Whether any of these is text: such a row goes at its date."""
    return any(bool(extra) or code in written for _unit, code, extra in map(split_name, items))


def _unopened(session: Session, now: datetime) -> list[Wave]:
    """Waves that were prepared, never opened, and still hold how to reach people."""
    over = now - timedelta(days=keeping.days()[Deadline.UNOPENED])
    found = session.scalars(select(Wave).where(Wave.state.in_(waves.COMING), Wave.closes <= over).order_by(Wave.code))
    return [wave for wave in found if any(_forget(session, wave, dry_run=True).values())]


def _done_with(session: Session, now: datetime) -> list[Wave]:
    """Closed waves of which nothing is left that has a date."""
    dated = (Deadline.SET_ASIDE, Deadline.FRAME, Deadline.WORDS)
    past = (Wave.id.in_(_closed_for(deadline, now)) for deadline in dated)
    waiting = select(Spooled.wave_id)
    return list(session.scalars(select(Wave).where(*past, Wave.state != waves.PURGED, Wave.id.not_in(waiting))))


def _forget(session: Session, wave: Wave, dry_run: bool) -> dict[str, int]:
    """The whole list of a wave that never opened: nobody was asked, nothing needs it."""
    files = select(FrameFile.id).where(FrameFile.wave_id == wave.id)
    whose: list[tuple[type[Base], ColumnElement[bool]]] = [
        (Message, Message.wave_id == wave.id),
        (Invitation, Invitation.wave_id == wave.id),
        (Rater, Rater.wave_id == wave.id),
        (SampledDossier, SampledDossier.wave_id == wave.id),
        (Dossier, Dossier.wave_id == wave.id),
        (QuarantinedRow, QuarantinedRow.file_id.in_(files)),
        (FrameUploadPart, FrameUploadPart.upload_id.in_(select(FrameUpload.id).where(FrameUpload.wave_id == wave.id))),
        (FrameUpload, FrameUpload.wave_id == wave.id),
    ]
    found = {table.__tablename__: _count(session, table, where) for table, where in whose}
    if not dry_run:
        responses.empty_register(session, wave)
        for table, where in whose:
            session.execute(delete(table).where(where))
    return found


def _overdue(session: Session, now: datetime) -> tuple[str, ...]:
    """Open waves whose end is long past: their register goes only when somebody closes them."""
    late = select(Wave.code).where(Wave.state.in_(waves.RUNNING), Wave.closes <= now - OVERDUE).order_by(Wave.code)
    return tuple(session.scalars(late))


def _closed_for(deadline: Deadline, now: datetime) -> Select[Any]:
    over = now - timedelta(days=keeping.days()[deadline])
    return select(Wave.id).where(Wave.state.in_(waves.OVER), Wave.closed_at <= over)


def _count(session: Session, table: type[Base], where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(where)) or 0


def _drop(session: Session, table: type[Base], where: ColumnElement[bool], dry_run: bool) -> int:
    if dry_run:
        return _count(session, table, where)
    return session.execute(delete(table).where(where)).rowcount  # type: ignore[attr-defined, no-any-return]
