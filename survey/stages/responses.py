"""Responses: a link is opened, an answer is accepted once, on disk, apart from who gave it.

One accepted answer is one commit. The used mark is a keyed hash in a table of its own; the answer waits sealed to the
wave's key until `mixing` moves it. Nothing here stores a time, an address, a language or a device.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast

from sqlalchemy import CursorResult, Executable, Table, delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.errors import AnswerRefused, KeyReused, LinkClosed
from survey.instrument import Instrument, Item
from survey.keys import Keys, WaveKey, normalise_code, seal
from survey.model.base import Base, new_id
from survey.model.draft import Draft
from survey.model.invitation import Invitation
from survey.model.quota import QuotaCell, Reservation
from survey.model.response import SpentMark, Spooled, Submission, Tally
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import drafts, invitations, quotas, waves

NOT_APPLICABLE = "na"
LINK = "link"
PAD = 512
FACTS_CELL = "facts"


@dataclass(frozen=True)
class Opening:
    """A link that may be answered now: which wave, about which unit, in which joint class."""

    wave: Wave
    instrument: Instrument
    key: WaveKey
    mode: str
    subject: bytes
    unit: Unit | None
    class_code: str
    block: tuple[Unit, ...] = ()

    @property
    def is_officials(self) -> bool:
        return self.wave.audience == "officials"

    @property
    def counted_at(self) -> str:
        """The board's cell: the rated unit; for officials, who judge many, the rater group."""
        return self.unit.code if self.unit else self.class_code


def open_link(session: Session, keys: Keys, code: str, *, now: datetime) -> Opening:
    """Open a personal link; unknown, used, expired and closed are one refusal (LinkClosed). Changes nothing."""
    for wave in session.scalars(select(Wave).where(Wave.state == waves.OPEN)):
        key = keys.wave(wave.id)
        mark = key.mark("code", normalise_code(code))
        found = session.scalars(select(Invitation).where(Invitation.code_mark == mark)).first()
        if found is None:
            continue
        if not waves.is_answerable(wave, now) or found.state != invitations.ISSUED or _is_spent(session, key, found.id):
            break
        unit = session.get(Unit, found.unit_code) if found.unit_code else None
        block = invitations.block_of(session, wave, key, found) if wave.audience == "officials" else ()
        return Opening(wave, waves.instrument_of(wave), key, LINK, found.id, unit, found.class_code, block)
    raise LinkClosed()


def open_counter(session: Session, keys: Keys, code: str, *, now: datetime) -> Opening:
    """Open a counter's poster code; whether a place is left shows only when the form is started."""
    cell, wave = quotas.find_by_code(session, keys, code)
    if not waves.is_answerable(wave, now):
        raise LinkClosed()
    unit = session.get(Unit, cell.unit_code)
    label = f"{cell.unit_code}|{cell.mode}"
    return Opening(wave, waves.instrument_of(wave), keys.wave(wave.id), cell.mode, cell.id, unit, label)


def _is_spent(session: Session, key: WaveKey, subject: bytes) -> bool:
    return session.get(SpentMark, key.mark("spent", subject)) is not None


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
    row = session.get(Submission, key.mark("key", submission_key))
    if row is None:
        return False
    if row.body_mark != key.mark("body", body):
        raise KeyReused()
    return True


def seen_in_any_wave(session: Session, keys: Keys, submission_key: str, body: bytes) -> bool:
    """`seen_before` when the link itself tells nothing any more (it is used): ask every open wave."""
    open_waves = session.scalars(select(Wave.id).where(Wave.state == waves.OPEN)).all()
    return any(seen_before(session, keys.wave(wave_id), submission_key, body) for wave_id in open_waves)


def accept(
    session: Session,
    opening: Opening,
    *,
    secret: str,
    submission_key: str,
    answers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> None:
    """Store one answer: the caller commits and only then thanks.

    The same sending again changes nothing. A used link is LinkClosed, a full cell CellFull, a value that the form does
    not offer AnswerRefused; nothing is stored then.
    """
    faults = check(opening, answers)
    if faults:
        raise AnswerRefused(faults=faults)
    key, wave = opening.key, opening.wave
    mark, body_mark = key.mark("key", submission_key), key.mark("body", body)
    if not _insert_new(session, Submission, key_mark=mark, wave_id=wave.id, body_mark=body_mark):
        seen_before(session, key, submission_key, body)
        return
    if opening.mode == LINK:
        if not _insert_new(session, SpentMark, mark=key.mark("spent", opening.subject), wave_id=wave.id):
            raise LinkClosed()
    else:
        quotas.use(session, opening.subject, drafts.mark_of(key, secret), now)
    _spool(session, opening, answers)
    _count(session, wave, opening.counted_at, opening.mode)
    drafts.drop(session, key, secret)


def check(opening: Opening, answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with answers: item code -> reason (unknown_item, not_an_option). Empty when all is well."""
    items = {item.code: item for item in opening.instrument.items}
    units = {unit.code for unit in opening.block}
    faults = {}
    for name, value in answers.items():
        code = name
        if opening.is_officials:
            unit, _, code = name.rpartition(":")
            if unit not in units:
                faults[name] = "unknown_item"
                continue
        if code not in items:
            faults[name] = "unknown_item"
        elif not offers(items[code], value):
            faults[name] = "not_an_option"
    return faults


def offers(item: Item, value: str) -> bool:
    """Whether a choice code is one of the item's, "not applicable" where it is offered."""
    if value == NOT_APPLICABLE:
        return bool(item.na)
    return any(choice.code == value for choice in item.choices)


def _spool(session: Session, opening: Opening, answers: Mapping[str, str]) -> None:
    """Seal the answer, and apart from it what the respondent told of himself, to the wave's key."""
    facts = {item.code for item in opening.instrument.facts}
    said = {name: value for name, value in answers.items() if name not in facts}
    told = {name: value for name, value in answers.items() if name in facts}
    unit = opening.unit.code if opening.unit else None
    content = {"phase": opening.wave.phase, "mode": opening.mode, "unit": unit, "items": said}
    _wait(session, opening, "answer", opening.class_code, content)
    if told:
        _wait(session, opening, "facts", FACTS_CELL, {"phase": opening.wave.phase, "items": told})


def _wait(session: Session, opening: Opening, kind: str, cell: str, content: Mapping[str, object]) -> None:
    text = json.dumps(content, separators=(",", ":")).encode()
    padded = text.ljust(-(-len(text) // PAD) * PAD)  # the length tells nothing of how much was answered
    sealed = seal(opening.wave.public_key, padded)
    _insert_new(session, Spooled, id=new_id(), wave_id=opening.wave.id, kind=kind, cell=cell, sealed=sealed)


def _count(session: Session, wave: Wave, cell: str, mode: str) -> None:
    """One more completed form in a cell of the board, without reading any answer."""
    row = {"wave_id": wave.id, "cell": cell, "mode": mode, "completed": 1}
    session.connection().execute(_one_more(session.get_bind().dialect.name), row)


def _insert_new(session: Session, table: type[Base], **values: object) -> bool:
    """Insert unless the primary key is there; a parallel insert of the same key is waited for. True when new."""
    statement = _new_or_nothing(table, session.get_bind().dialect.name)
    return session.connection().execute(statement, values).first() is not None


def _insert(table: type[Base], engine: str) -> sqlite.Insert | postgresql.Insert:
    rows = cast(Table, table.__table__)
    return sqlite.insert(rows) if engine == "sqlite" else postgresql.insert(rows)


@cache
def _new_or_nothing(table: type[Base], engine: str) -> Executable:
    return _insert(table, engine).on_conflict_do_nothing().returning(literal(1))


@cache
def _one_more(engine: str) -> Executable:
    key = [Tally.wave_id, Tally.cell, Tally.mode]
    return _insert(Tally, engine).on_conflict_do_update(index_elements=key, set_={"completed": Tally.completed + 1})


def empty_register(session: Session, wave: Wave) -> None:
    """Forget who could answer and who did: only counts by class stay (HOUSE rule 5)."""
    session.execute(
        delete(Reservation).where(Reservation.cell_id.in_(select(QuotaCell.id).where(QuotaCell.wave_id == wave.id)))
    )
    for table in (SpentMark, Submission, Draft, Invitation):
        session.execute(delete(table).where(table.wave_id == wave.id))
