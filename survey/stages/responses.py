"""Responses: a link is opened, an answer is accepted once, on disk, apart from who gave it.

One accepted answer is one commit. The used mark is a keyed hash in a table of its own; the answer waits sealed to the
wave's key until `mixing` moves it. Nothing here stores a time, an address, a language or a device.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cache
from typing import cast

from sqlalchemy import (
    CursorResult,
    Executable,
    Table,
    bindparam,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from survey import answers as answering
from survey.db import insert_into
from survey.errors.common import AnswerRefused, KeyReused, LinkClosed
from survey.errors.waves import WavePaused
from survey.keys import Keys, WaveKey, seal
from survey.model.base import Base, new_id
from survey.model.draft import Draft
from survey.model.interview import Assignment
from survey.model.invitation import Invitation
from survey.model.paper import PaperSheet
from survey.model.quota import QuotaCell, Reservation
from survey.model.rater import Rater
from survey.model.recontact import Recontact
from survey.model.response import SpentMark, Spooled, Submission, Tally
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import (
    counts,
    doors,
    drafts,
    invitations,
    matches,
    openings,
    quotas,
    receipts,
    samples,
    topups,
    waves,
)
from survey.stages.counts import Event
from survey.stages.openings import Opening
from survey.statements import Prepared

NOT_APPLICABLE = answering.NOT_APPLICABLE
LATE = "late"  # in the tally, beside the modes: forms that were begun in time and found every place taken
PAD = 512
NO_CODE = ""  # of an official's sending
FACTS_CELL, WORDS_CELL, ORDER_CELL = "facts", "words", "order"
SENT_TO = "to"  # in sealed words: the unit that a comment was sent to
_OPEN = Prepared(select(Wave.id).where(or_(*(Wave.state == state for state in waves.RUNNING))))
_STATE = Prepared(select(Wave.state).where(Wave.id == bindparam("wave")).with_for_update(read=True))
_SENT = Prepared(select(Submission.body_mark).where(Submission.key_mark == bindparam("mark")))


def opened(session: Session, opening: Opening) -> None:
    """Count a form that was begun, with a press of the button: scanners of messages open every page."""
    if opening.is_watched:
        counts.note(session, opening.wave.id, opening.class_code, Event.OPENED)


def decline(session: Session, opening: Opening, *, now: datetime) -> None:
    """The person reached is not the one who filed: the link ends, nothing else is asked or sent."""
    done = session.execute(
        update(Invitation)
        .where(Invitation.id == opening.subject, Invitation.state == invitations.ISSUED)
        .values(state=invitations.WRONG_PERSON)
    )
    if cast(CursorResult[object], done).rowcount == 1:
        cell = (ClassCell.wave_id == opening.wave.id) & (ClassCell.class_code == opening.class_code)
        session.execute(update(ClassCell).where(cell).values(wrong_person=ClassCell.wrong_person + 1))


def seen_before(session: Session, key: WaveKey, submission_key: str, body: bytes) -> bool:
    """Whether this very sending was accepted before; the same key with another body is refused (KeyReused)."""
    row = _SENT.first(session, mark=key.mark("key", submission_key))
    if row is None:
        return False
    if row.body_mark != key.mark("body", body):
        raise KeyReused()
    return True


def seen_in_any_wave(session: Session, keys: Keys, submission_key: str, body: bytes) -> bool:
    """`seen_before` when the link itself tells nothing any more (it is used): ask every open wave."""
    return any(seen_before(session, keys.wave(wave.id), submission_key, body) for wave in _OPEN.all(session))


def receipt_of(session: Session, keys: Keys, submission_key: str) -> str | None:
    """The code of an accepted sending of a citizen, NO_CODE for an official's; None for one that is not known."""
    for identity, known in waves.known(session).items():
        key = keys.wave(identity)
        if _SENT.first(session, mark=key.mark("key", submission_key)) is not None:
            return receipts.code_of(key, submission_key) if known.wave.audience == "citizens" else NO_CODE
    return None


def accept(
    session: Session,
    opening: Opening,
    *,
    secret: str,
    submission_key: str,
    answers: Mapping[str, str],
    body: bytes,
    now: datetime,
    order: Mapping[str, int] | None = None,
    agrees: bool = False,
) -> None:
    """Store one answer: the caller commits and only then thanks.

    `order` is where each item of a random order stood, from 1; None where nothing was in random order. `agrees`: three
    answers may be compared with what the person says in a check call (`matches`).
    The same sending again changes nothing. A used link is LinkClosed, a full cell CellFull, a value that the form does
    not offer AnswerRefused; nothing is stored then. An official's second form is thanked for like the first, and done
    all the same work for, but only its sending's marks stay.
    """
    if faults := check(opening, answers):
        raise AnswerRefused(faults=faults)
    key, wave = opening.key, opening.wave
    _hold_open(session, wave)
    mark, body_mark = key.mark("key", submission_key), key.mark("body", body)
    if not _insert_new(session, Submission, key_mark=mark, wave_id=wave.id, body_mark=body_mark):
        seen_before(session, key, submission_key, body)
        return
    is_first = _use(session, opening, secret, now)
    if not opening.is_officials:
        receipts.wait(session, wave, key, submission_key)
        _leave_match(session, opening, answers, agrees=agrees)
    with _kept(session, is_first) if opening.is_officials else nullcontext():
        _spool(session, opening, answers)
        _spool_order(session, opening, answers, order or {})
        _count(session, wave, opening.counted_at, opening.mode)
    if opening.is_watched:
        counts.note(session, wave.id, opening.class_code, Event.COMPLETED)
        counts.note_day(session, wave.id, opening.counted_at, now)
    drafts.drop(session, key, secret)


def _use(session: Session, opening: Opening, secret: str, now: datetime) -> bool:
    """Use the link up, or take a place at a counter; False for an official's link that was used before."""
    if opening.mode not in openings.PERSONAL:
        _pass_the_door(session, opening, secret, now)
        return True
    mark = opening.key.mark("spent", opening.subject)
    is_first = _insert_new(session, SpentMark, mark=mark, wave_id=opening.wave.id)
    if not is_first and not opening.is_officials:
        raise LinkClosed()
    return is_first


@contextmanager
def _kept(session: Session, is_first: bool) -> Iterator[None]:
    """What is written inside stays if it is the first; taken back after the same work if not."""
    place = session.connection().begin_nested()  # what is written inside goes past the session
    yield
    if is_first:
        place.commit()
    else:
        place.rollback()


def _pass_the_door(session: Session, opening: Opening, secret: str, now: datetime) -> None:
    """Take a place at a counter, and count the form there."""
    gap = took = None
    if opening.mode == openings.INTERCEPT:
        topups.complete(session, opening.subject)
    else:
        took = quotas.use(session, opening.subject, drafts.mark_of(opening.key, secret), now)
        gap = quotas.space(session, opening.subject, now, is_kiosk=opening.mode == quotas.KIOSK)
    doors.note(session, opening.wave.id, doors.Kind.COLLECTOR, opening.class_code, now, gap=gap, took=took)


def turn_away(session: Session, opening: Opening, *, secret: str) -> None:
    """Count, once, a form whose place went to others while it was open; it is put away, nothing of it is stored."""
    if drafts.drop(session, opening.key, secret):
        _count(session, opening.wave, opening.counted_at, LATE)


def _hold_open(session: Session, wave: Wave) -> None:
    """Keep the wave from closing until this answer is in (PostgreSQL; SQLite has one writer at a time)."""
    found = _STATE.first(session, wave=wave.id)
    if found is not None and found.state == waves.OPEN:
        return
    until = session.connection().execute(select(Wave.paused_until).where(Wave.id == wave.id)).scalar()
    if until is not None:
        raise WavePaused(wave=wave.code, until=until)
    raise LinkClosed()


def check(opening: Opening, answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with answers: name -> reason (unknown_item, not_an_option). Empty when all is well."""
    return answering.faults(opening.instrument, [unit.code for unit in opening.block], answers)


def _spool(session: Session, opening: Opening, answers: Mapping[str, str]) -> None:
    """Seal to the wave's key the answer, apart from it what the respondent told of himself, and each text alone."""
    sorted_ = answering.sort(opening.instrument, answers)
    unit = opening.unit.code if opening.unit else None
    content = {"phase": opening.wave.phase, "mode": opening.mode, "unit": unit, "items": sorted_.said}
    _wait(session, opening, "answer", opening.class_code, content)
    if sorted_.facts:
        _wait(session, opening, "facts", FACTS_CELL, {"phase": opening.wave.phase, "items": sorted_.facts})
    for name, text in sorted_.words.items():
        to = {SENT_TO: unit} if name in sorted_.forwarded and unit else {}
        _wait(session, opening, "facts", WORDS_CELL, {"phase": opening.wave.phase, "items": {name: text}, **to})


def _spool_order(session: Session, opening: Opening, answers: Mapping[str, str], order: Mapping[str, int]) -> None:
    """Seal, apart from the answer, what was chosen in which place; it is only ever counted (see `orders`)."""
    stood = {name: [place, answers[name]] for name, place in order.items() if name in answers}
    if order:
        _wait(session, opening, "facts", ORDER_CELL, {"phase": opening.wave.phase, "order": stood})


def _wait(session: Session, opening: Opening, kind: str, cell: str, content: Mapping[str, object]) -> None:
    text = json.dumps(content, separators=(",", ":")).encode()
    padded = text.ljust(-(-len(text) // PAD) * PAD)  # the length tells nothing of how much was answered
    sealed = seal(opening.wave.public_key, padded)
    _insert_new(session, Spooled, id=new_id(), wave_id=opening.wave.id, kind=kind, cell=cell, sealed=sealed)


def _leave_match(session: Session, opening: Opening, answers: Mapping[str, str], *, agrees: bool) -> None:
    wave, key, is_asked = opening.wave, opening.key, opening.mode == openings.INTERVIEWER
    may_hold = agrees and opening.mode in openings.PERSONAL
    if may_hold and not is_asked:  # by a link everybody is asked; of those whom nobody calls nothing is held
        may_hold = matches.is_drawn(session, wave, key, opening.subject)
    mark = matches.mark_of(key, opening.subject) if may_hold else None
    matches.wait(session, wave, mark, answers, is_call=False, is_asked=is_asked)


def _count(session: Session, wave: Wave, cell: str, mode: str) -> None:
    """One more completed form in a cell of the board, without reading any answer."""
    _one_more.run(session, wave_id=wave.id, cell=cell, mode=mode, completed=1)


def _insert_new(session: Session, table: type[Base], **values: object) -> bool:
    """Insert unless the primary key is there; a parallel insert of the same key is waited for. True when new."""
    return _new_or_nothing(table).first(session, **values) is not None


@cache
def _new_or_nothing(table: type[Base]) -> Prepared:
    into = cast(Table, table.__table__)
    return Prepared(lambda engine: insert_into(into, engine).on_conflict_do_nothing().returning(literal(1)))


@Prepared
def _one_more(engine: str) -> Executable:
    key = [Tally.wave_id, Tally.cell, Tally.mode]
    row = insert_into(cast(Table, Tally.__table__), engine)
    return row.on_conflict_do_update(index_elements=key, set_={"completed": Tally.completed + 1})


def empty_register(session: Session, wave: Wave) -> None:
    """Forget who could answer, who did and how they were reached: only counts by class stay (HOUSE rule 5)."""
    session.execute(
        delete(Reservation).where(Reservation.cell_id.in_(select(QuotaCell.id).where(QuotaCell.wave_id == wave.id)))
    )
    session.execute(update(QuotaCell).where(QuotaCell.wave_id == wave.id).values(last_at=None))
    for table in (SpentMark, Submission, Draft, PaperSheet, Assignment, Recontact, Invitation, Rater):
        session.execute(delete(table).where(table.wave_id == wave.id))
    samples.forget(session, wave)
