"""Sheets: questionnaires are printed for the invited, each under a random number.

Only the wave key ties a sheet to its invitation. Who had a sheet before keeps its number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from survey.errors.common import UnitNotInWave, WrongAudience
from survey.keys import Keys, WaveKey, decrypt, encrypt
from survey.model.frame import Dossier
from survey.model.invitation import Invitation
from survey.model.paper import PaperSheet
from survey.model.sample import ClassCell
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.paper.numbers import new_number
from survey.stages import audit, invitations, outbox, waves
from survey.wavefile import Mode

PRINTED, ONCE, DIFFER, DONE, OVERTAKEN = "printed", "once", "differ", "done", "overtaken"
STATES = (PRINTED, ONCE, DIFFER, DONE, OVERTAKEN)
CHUNK = 2000


@dataclass(frozen=True)
class Printed:
    """What stands on one printed sheet, and to whom it goes."""

    number: str
    code: str
    unit: Unit
    name: str
    address: str


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
    for invitation, dossier, about in _invited(session, wave, key, unit):
        mark = mark_of(key, invitation.id)
        if mark not in known:
            known[mark] = _new_sheet(wave, keys, invitation.id, taken, rng)
            session.add(known[mark])
            added[invitation.class_code] += 1
        number, _invitation = unseal(key, known[mark])
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


def _invited(
    session: Session, wave: Wave, key: WaveKey, unit: str | None
) -> Iterator[tuple[Invitation, Dossier, Unit]]:
    """Everybody invited of the unit; or those without phone and e-mail, and those who are to get a letter instead."""
    chosen: list[ColumnElement[bool]] = [Invitation.unit_code == unit]
    if unit is None:
        letters = sorted(outbox.letters(session, wave, key))
        chosen = [Dossier.phone.is_(None) & Dossier.email.is_(None)]
        chosen += [Invitation.id.in_(letters[at : at + CHUNK]) for at in range(0, len(letters), CHUNK)]
    seen: set[bytes] = set()
    for one in chosen:
        found = session.execute(
            select(Invitation, Dossier, Unit)
            .join(Dossier, Dossier.id == Invitation.dossier_id)
            .join(Unit, Unit.code == Invitation.unit_code)
            .where(Invitation.wave_id == wave.id, Invitation.state == invitations.ISSUED, one)
        )
        for invitation, dossier, about in found:
            if invitation.id not in seen:
                seen.add(invitation.id)
                yield invitation, dossier, about


def _new_sheet(wave: Wave, keys: Keys, invitation: bytes, taken: set[bytes], rng: Random) -> PaperSheet:
    key = keys.wave(wave.id)
    mark = mark_of(key, invitation)
    while True:
        number = new_number(rng)
        hashed = number_mark(keys, number)
        if hashed not in taken:
            break
    taken.add(hashed)
    text = json.dumps({"number": number, "invitation": invitation.hex()})
    sealed = encrypt(key.subkey("sheet", mark), text.encode())
    return PaperSheet(
        mark=mark, number_mark=hashed, wave_id=wave.id, state=PRINTED, sealed=sealed, first=None, second=None
    )


def _reach(keys: Keys, dossier: Dossier) -> tuple[str, str]:
    hidden = (dossier.name, dossier.address)
    name, address = (keys.installation.reveal(blob) if blob else "" for blob in hidden)
    return name, address


def mark_of(key: WaveKey, invitation: bytes) -> bytes:
    return key.mark("sheet", invitation)


def number_mark(keys: Keys, number: str) -> bytes:
    """The hash that finds a number; by the installation's key, since a number alone does not say of which wave."""
    return keys.installation.mark("sheet", number)


def unseal(key: WaveKey, row: PaperSheet) -> tuple[str, bytes]:
    parts = json.loads(decrypt(key.subkey("sheet", row.mark), row.sealed))
    return parts["number"], bytes.fromhex(parts["invitation"])
