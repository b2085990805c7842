"""Paper: sheets are printed for the invited, come back, and are typed in twice by two people before they count.

Only the wave key ties a sheet to its invitation. What was typed waits encrypted and is destroyed once the sheet is
settled; the answer goes the way of every other one (`responses.accept`).
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from survey.errors import LinkClosed, SameTypist, SheetMoved, SheetUnknown, UnitNotInWave, WrongAudience
from survey.instrument import Instrument
from survey.keys import Keys, WaveKey, decrypt, encrypt, normalise_code
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.paper import PaperSheet
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.paper.numbers import new_number, read_number
from survey.stages import audit, invitations, responses, waves
from survey.stages.classes import PRIVACY_FLOOR
from survey.wavefile import Mode

PRINTED, ONCE, DIFFER, DONE, OVERTAKEN = "printed", "once", "differ", "done", "overtaken"
STATES = (PRINTED, ONCE, DIFFER, DONE, OVERTAKEN)
LINK_PATH = "/k/"


@dataclass(frozen=True)
class Printed:
    """What stands on one printed sheet, and to whom it goes."""

    number: str
    code: str
    unit: Unit
    name: str
    address: str


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


# --- printing


def allot(
    session: Session, wave: Wave, keys: Keys, *, unit: str | None, rng: Random, actor: str, now: datetime
) -> list[Printed]:
    """Sheets for all invited of a unit, or (None) for those whom no message reaches, in the order of random numbers.

    Who had a sheet before keeps its number. How many of a class have one is counted: below ten, "on paper" would tell
    who it was, and does not stand on the answer.
    """
    _require_paper(session, wave, unit)
    session.refresh(wave, with_for_update=True)  # two prints at once would give one person two numbers
    key = keys.wave(wave.id)
    known = {row.mark: row for row in session.scalars(select(PaperSheet).where(PaperSheet.wave_id == wave.id))}
    taken = set(session.scalars(select(PaperSheet.number_mark)))
    added: Counter[str] = Counter()
    sheets = []
    for invitation, dossier, about in _invited(session, wave, unit):
        mark = _mark(key, invitation.id)
        if mark not in known:
            known[mark] = _new_sheet(wave, keys, invitation.id, taken, rng)
            session.add(known[mark])
            added[invitation.class_code] += 1
        number, _invitation = _unseal(key, known[mark])
        sheets.append(Printed(number, key.code(invitation.id), about, *_reach(keys, dossier)))
    for code, count in added.items():
        cell = (ClassCell.wave_id == wave.id) & (ClassCell.class_code == code)
        session.execute(update(ClassCell).where(cell).values(printed=ClassCell.printed + count))
    detail = {"unit": unit, "sheets": len(sheets), "new": added.total()}
    audit.record(session, actor=actor, action="papers.print", subject=wave.code, detail=detail, now=now)
    return sorted(sheets, key=lambda sheet: (sheet.unit.code, sheet.number))


def _require_paper(session: Session, wave: Wave, unit: str | None) -> None:
    """Officials get no paper: whoever typed it in would read what they said of their superiors."""
    if wave.audience != "citizens":
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed="citizens")
    waves.require_mode(wave, Mode.PAPER)
    if unit is not None and unit not in {one.code for one, _target in waves.units_of(session, wave)}:
        raise UnitNotInWave(wave=wave.code, unit=unit)


def _invited(session: Session, wave: Wave, unit: str | None) -> list[tuple[Invitation, Dossier, Unit]]:
    chosen = Invitation.unit_code == unit if unit else Dossier.phone.is_(None) & Dossier.email.is_(None)
    found = session.execute(
        select(Invitation, Dossier, Unit)
        .join(Dossier, Dossier.id == Invitation.dossier_id)
        .join(Unit, Unit.code == Invitation.unit_code)
        .where(Invitation.wave_id == wave.id, Invitation.state == invitations.ISSUED, chosen)
    )
    return [(invitation, dossier, about) for invitation, dossier, about in found]


def _new_sheet(wave: Wave, keys: Keys, invitation: bytes, taken: set[bytes], rng: Random) -> PaperSheet:
    key = keys.wave(wave.id)
    mark = _mark(key, invitation)
    while True:
        number = new_number(rng)
        number_mark = _number_mark(keys, number)
        if number_mark not in taken:
            break
    taken.add(number_mark)
    text = json.dumps({"number": number, "invitation": invitation.hex()})
    sealed = encrypt(key.subkey("sheet", mark), text.encode())
    return PaperSheet(
        mark=mark, number_mark=number_mark, wave_id=wave.id, state=PRINTED, sealed=sealed, first=None, second=None
    )


def _reach(keys: Keys, dossier: Dossier) -> tuple[str, str]:
    hidden = (dossier.name, dossier.address)
    name, address = (keys.installation.reveal(blob) if blob else "" for blob in hidden)
    return name, address


# --- finding


def find(session: Session, keys: Keys, text: str, *, lock: bool = False) -> Sheet:
    """The sheet of an open wave by its number, or by its link as a scanner reads it; SheetUnknown otherwise."""
    row = _by_link(session, keys, text) if LINK_PATH in text else None
    if row is None:
        mark = _number_mark(keys, read_number(text))
        row = session.scalars(select(PaperSheet).where(PaperSheet.number_mark == mark)).first()
    if row is None:
        raise SheetUnknown(number=text)
    if lock:
        session.refresh(row, with_for_update=True)
    wave = session.get_one(Wave, row.wave_id)
    if wave.state != waves.OPEN:
        raise SheetUnknown(number=text)
    key = keys.wave(wave.id)
    number, identity = _unseal(key, row)
    invitation = session.get_one(Invitation, identity)
    return Sheet(row, wave, key, number, identity, session.get_one(Unit, invitation.unit_code))


def _by_link(session: Session, keys: Keys, text: str) -> PaperSheet | None:
    code = normalise_code(text.strip().rpartition(LINK_PATH)[2])
    for wave_id in session.scalars(select(Wave.id).where(Wave.state == waves.OPEN)).all():
        key = keys.wave(wave_id)
        found = select(Invitation.id).where(Invitation.code_mark == key.mark("code", code))
        identity = session.scalars(found).first()
        if identity is not None:
            return session.get(PaperSheet, _mark(key, identity))
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
    return sorted(_unseal(key, row)[0] for row in found)


def open_with_sheets(session: Session) -> list[Wave]:
    """The open waves that have printed sheets."""
    printed = select(PaperSheet.wave_id)
    found = select(Wave).where(Wave.state == waves.OPEN, Wave.id.in_(printed))
    return list(session.scalars(found.order_by(Wave.code)))


# --- typing in


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
    opening = responses.Opening(
        sheet.wave, sheet.instrument, sheet.key, mode.value, invitation.id, sheet.unit, invitation.class_code
    )
    responses.accept(
        session, opening, secret=sheet.key.code(invitation.id), submission_key=secrets.token_urlsafe(16),
        answers=answers, body=b"", now=now,
    )  # fmt: skip


# --- what only the keys open


def _mark(key: WaveKey, invitation: bytes) -> bytes:
    return key.mark("sheet", invitation)


def _number_mark(keys: Keys, number: str) -> bytes:
    """The hash that finds a number; by the installation's key, since a number alone does not say of which wave."""
    return keys.installation.mark("sheet", number)


def _unseal(key: WaveKey, row: PaperSheet) -> tuple[str, bytes]:
    parts = json.loads(decrypt(key.subkey("sheet", row.mark), row.sealed))
    return parts["number"], bytes.fromhex(parts["invitation"])


def _hide(sheet: Sheet, entry: Entry) -> bytes:
    text = json.dumps({"by": entry.by, "answers": dict(entry.answers)}, separators=(",", ":"))
    return encrypt(sheet.key.subkey("sheet entry", sheet.row.mark), text.encode())


def _entry(sheet: Sheet, blob: bytes | None) -> Entry:
    if blob is None:
        raise SheetMoved(state=sheet.state)
    parts = json.loads(decrypt(sheet.key.subkey("sheet entry", sheet.row.mark), blob))
    return Entry(parts["by"], parts["answers"])
