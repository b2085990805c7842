"""Paper: sheets come back and are typed in twice, by two people, before they count.

What was typed waits encrypted and is destroyed once the sheet is settled; the answer goes the way of every other one
(`responses.accept`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.errors.common import LinkClosed, SameTypist, SheetMoved, SheetUnknown
from survey.instrument import Instrument
from survey.keys import Keys, WaveKey, decrypt, encrypt, normalise_code
from survey.model.invitation import Invitation
from survey.model.paper import PaperSheet
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.paper.numbers import read_number
from survey.stages import audit, invitations, openings, responses, sheets, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.sheets import DIFFER, DONE, ONCE, OVERTAKEN, PRINTED, STATES
from survey.wavefile import Mode

LINK_PATH = "/k/"


@dataclass(frozen=True)
class Sheet:
    """A sheet that was found by its number, with what staff may know of it."""

    row: PaperSheet
    wave: Wave
    key: WaveKey
    number: str
    invitation: bytes
    unit: Unit

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def instrument(self) -> Instrument:
        return waves.instrument_of(self.wave)


@dataclass(frozen=True)
class Entry:
    """What one person typed; it waits encrypted."""

    by: str
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """A line of the sheet that two people read differently; an empty text is a line left open."""

    name: str
    first: str
    second: str


def find(session: Session, keys: Keys, text: str, *, lock: bool = False) -> Sheet:
    """The sheet of an open wave by its number, or by its link as a scanner reads it; SheetUnknown otherwise."""
    row = _by_link(session, keys, text) if LINK_PATH in text else None
    if row is None:
        mark = sheets.number_mark(keys, read_number(text))
        row = session.scalars(select(PaperSheet).where(PaperSheet.number_mark == mark)).first()
    if row is None:
        raise SheetUnknown(number=text)
    if lock:
        session.refresh(row, with_for_update=True)
    wave = session.get_one(Wave, row.wave_id)
    if wave.state != waves.OPEN:
        raise SheetUnknown(number=text)
    key = keys.wave(wave.id)
    number, identity = sheets.unseal(key, row)
    invitation = session.get_one(Invitation, identity)
    return Sheet(row, wave, key, number, identity, session.get_one(Unit, invitation.unit_code))


def _by_link(session: Session, keys: Keys, text: str) -> PaperSheet | None:
    code = normalise_code(text.strip().rpartition(LINK_PATH)[2])
    for wave_id in session.scalars(select(Wave.id).where(Wave.state == waves.OPEN)).all():
        key = keys.wave(wave_id)
        found = select(Invitation.id).where(Invitation.code_mark == key.mark("code", code))
        identity = session.scalars(found).first()
        if identity is not None:
            return session.get(PaperSheet, sheets.mark_of(key, identity))
    return None


def counts(session: Session, wave: Wave) -> dict[str, int]:
    """How many sheets stand at each step."""
    found = session.execute(
        select(PaperSheet.state, func.count()).where(PaperSheet.wave_id == wave.id).group_by(PaperSheet.state)
    )
    return dict.fromkeys(STATES, 0) | {str(state): int(number) for state, number in found}


def numbers(session: Session, wave: Wave, key: WaveKey, state: str, *, most: int) -> list[str]:
    """Numbers of sheets at a step, at most so many; their order tells nothing."""
    at_step = (PaperSheet.wave_id == wave.id) & (PaperSheet.state == state)
    found = session.scalars(select(PaperSheet).where(at_step).order_by(PaperSheet.mark).limit(most))
    return sorted(sheets.unseal(key, row)[0] for row in found)


def open_with_sheets(session: Session) -> list[Wave]:
    """The open waves that have printed sheets."""
    printed = select(PaperSheet.wave_id)
    found = select(Wave).where(Wave.state == waves.OPEN, Wave.id.in_(printed))
    return list(session.scalars(found.order_by(Wave.code)))


def may_enter(sheet: Sheet, by: str) -> bool:
    """Whether this person may type the sheet in now: the second entry is another's."""
    if sheet.state == ONCE:
        return _entry(sheet, sheet.row.first).by != by
    return sheet.state == PRINTED


def enter(session: Session, sheet: Sheet, answers: Mapping[str, str], *, by: str, now: datetime) -> str:
    """Take one entry; the sheet's new state. Two entries that agree are the answer; others wait to be resolved."""
    if sheet.state not in (PRINTED, ONCE):
        raise SheetMoved(state=sheet.state)
    if not may_enter(sheet, by):
        raise SameTypist()
    entry = _hide(sheet, Entry(by, dict(answers)))
    if sheet.state == PRINTED:
        sheet.row.first, sheet.row.state = entry, ONCE
    elif dict(_entry(sheet, sheet.row.first).answers) == dict(answers):
        _settle(session, sheet, answers, now)
    else:
        sheet.row.second, sheet.row.state = entry, DIFFER
    session.flush()
    return sheet.state


def differences(sheet: Sheet) -> list[Difference]:
    """The lines on which the two entries differ."""
    if sheet.state != DIFFER:
        raise SheetMoved(state=sheet.state)
    first, second = (_entry(sheet, blob).answers for blob in (sheet.row.first, sheet.row.second))
    return [
        Difference(name, first.get(name, ""), second.get(name, ""))
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    ]


def resolve(session: Session, sheet: Sheet, chosen: Mapping[str, str], *, actor: str, now: datetime) -> str:
    """Settle a sheet by what it says in truth on the lines that differ; the log keeps how many, not which."""
    differing = differences(sheet)
    first = _entry(sheet, sheet.row.first).answers
    answers = {**first, **{one.name: chosen.get(one.name, "") for one in differing}}
    _settle(session, sheet, {name: value for name, value in answers.items() if value}, now)
    detail = {
        "differences": len(differing),
        "as_first": sum(chosen.get(one.name, "") == one.first for one in differing),
        "as_second": sum(chosen.get(one.name, "") == one.second for one in differing),
    }
    audit.record(session, actor=actor, action="papers.resolve", subject=sheet.wave.code, detail=detail, now=now)
    session.flush()
    return sheet.state


def _settle(session: Session, sheet: Sheet, answers: Mapping[str, str], now: datetime) -> None:
    """Accept the answer unless the link was used or given back meanwhile; both entries are destroyed."""
    try:
        with session.begin_nested():
            _accept(session, sheet, answers, now)
        sheet.row.state = DONE
    except LinkClosed:
        sheet.row.state = OVERTAKEN
    sheet.row.first = sheet.row.second = None


def _accept(session: Session, sheet: Sheet, answers: Mapping[str, str], now: datetime) -> None:
    invitation = session.get_one(Invitation, sheet.invitation)
    if invitation.state != invitations.ISSUED:
        raise LinkClosed()
    cell = session.get(ClassCell, (sheet.wave.id, invitation.class_code))
    mode = Mode.PAPER if cell is not None and cell.printed >= PRIVACY_FLOOR else Mode.LINK
    opening = openings.Opening(
        sheet.wave, sheet.instrument, sheet.key, mode.value, invitation.id, sheet.unit, invitation.class_code
    )
    responses.accept(
        session, opening, secret=sheet.key.code(invitation.id), submission_key=secrets.token_urlsafe(16),
        answers=answers, body=b"", now=now,
    )  # fmt: skip


def _hide(sheet: Sheet, entry: Entry) -> bytes:
    text = json.dumps({"by": entry.by, "answers": dict(entry.answers)}, separators=(",", ":"))
    return encrypt(sheet.key.subkey("sheet entry", sheet.row.mark), text.encode())


def _entry(sheet: Sheet, blob: bytes | None) -> Entry:
    if blob is None:
        raise SheetMoved(state=sheet.state)
    parts = json.loads(decrypt(sheet.key.subkey("sheet entry", sheet.row.mark), blob))
    return Entry(parts["by"], parts["answers"])
