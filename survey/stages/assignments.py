"""Assignments: people of the drawn sample are shared out among interviewers by a seed; nobody picks a person.

Everybody invited may come on a list, whether the link was answered or not: a list of those who have not would tell who
has (as reminders would, decision 17). Neighbours come on one list, lists are equally long.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, cast

from sqlalchemy import Table, or_, select, update
from sqlalchemy.orm import Session

from survey.db import engine_of, insert_into
from survey.errors.common import UnitNotInWave, WrongAudience, WrongState
from survey.errors.field import NobodyToAssign, NoInterviewer
from survey.keys import WaveKey, decrypt, encrypt
from survey.model.frame import Dossier
from survey.model.interview import Assignment, FieldTally
from survey.model.invitation import Invitation
from survey.model.sample import ClassCell
from survey.model.staff import Account, AccountRole
from survey.model.wave import Wave
from survey.stages import audit, invitations, waves
from survey.stages.staff import Role
from survey.wavefile import Mode

PENDING = "pending"
PAD = 2048  # sealed notes of an assignment are multiples of this: their length tells nothing of what was tried


@dataclass(frozen=True)
class Person:
    """Somebody invited who can be visited or called."""

    invitation: bytes
    class_code: str
    unit: str
    commune: str


@dataclass(frozen=True)
class Portion:
    """What one interviewer would get: how many people, of which units."""

    account: Account
    people: tuple[Person, ...]

    @property
    def by_unit(self) -> Mapping[str, int]:
        return Counter(one.unit for one in self.people)


def interviewers(session: Session, emails: Sequence[str] = ()) -> list[Account]:
    """The active interviewers, or those of these addresses; NoInterviewer names one that is not there."""
    found = session.scalars(
        select(Account)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(AccountRole.role == Role.INTERVIEWER, Account.active)
        .order_by(Account.email)
    ).all()
    known = {account.email: account for account in found}
    for email in emails:
        if email.strip().lower() not in known:
            raise NoInterviewer(email=email)
    if not known:
        raise NoInterviewer()
    return [known[email] for email in sorted({one.strip().lower() for one in emails} or known)]


def plan(
    session: Session,
    wave: Wave,
    key: WaveKey,
    *,
    seed: int,
    units: Sequence[str],
    accounts: Sequence[Account],
    most: int | None,
) -> list[Portion]:
    """Who would come on whose list; nothing is stored. The same seed over the same register gives the same lists."""
    _require_field(session, wave, units)
    rng = Random(f"{seed}|interviewers")
    people = _unassigned(session, wave, key, units)
    if not people:
        raise NobodyToAssign(wave=wave.code)
    if most is not None and len(people) > most * len(accounts):
        people = rng.sample(people, most * len(accounts))
    rng.shuffle(people)
    people.sort(key=lambda one: (one.unit, one.commune))  # stable: neighbours together, in random order among them
    order = rng.sample(list(accounts), len(accounts))
    size, more = divmod(len(people), len(order))
    portions, start = [], 0
    for number, account in enumerate(order):
        end = start + size + (number < more)
        portions.append(Portion(account, tuple(people[start:end])))
        start = end
    return sorted(portions, key=lambda one: one.account.email)


def assign(
    session: Session, wave: Wave, key: WaveKey, portions: Iterable[Portion], *, seed: int, actor: str, now: datetime
) -> int:
    """Put the planned people on the lists; how many. The log names seed and counts, no person."""
    added: Counter[str] = Counter()
    counted: Counter[tuple[str, bytes]] = Counter()
    for portion in portions:
        for one in portion.people:
            session.add(_new(wave, key, one, portion.account))
            added[one.class_code] += 1
            counted[one.unit, portion.account.id] += 1
    for code, count in added.items():
        cell = (ClassCell.wave_id == wave.id) & (ClassCell.class_code == code)
        session.execute(update(ClassCell).where(cell).values(assigned=ClassCell.assigned + count))
    for (unit, account), count in sorted(counted.items()):
        count_people(session, wave, unit, account, PENDING, people=count)
    detail = {"seed": seed, "people": added.total(), "interviewers": len({account for _unit, account in counted})}
    audit.record(session, actor=actor, action="interviewers.assign", subject=wave.code, detail=detail, now=now)
    session.flush()
    return added.total()


def _require_field(session: Session, wave: Wave, units: Sequence[str]) -> None:
    """Officials are not visited: whoever holds the phone would hear what they say of their superiors."""
    if wave.audience != "citizens":
        raise WrongAudience(wave=wave.code, audience=wave.audience, needed="citizens")
    waves.require_mode(wave, Mode.INTERVIEWER)
    if wave.state in waves.OVER:
        raise WrongState(wave=wave.code, state=wave.state, needed=waves.OPEN)
    known = {unit.code for unit, _target in waves.units_of(session, wave)}
    for unit in units:
        if unit not in known:
            raise UnitNotInWave(wave=wave.code, unit=unit)


def _unassigned(session: Session, wave: Wave, key: WaveKey, units: Sequence[str]) -> list[Person]:
    """Everybody invited who is on no list yet, in the order of the dossiers' keyed hashes: the same on every engine.

    A dossier under an interviewer's own telephone comes on no list: nobody interviews himself or a colleague.
    """
    session.refresh(wave, with_for_update=True)  # two offices at once would put one person on two lists
    taken = set(session.scalars(select(Assignment.mark).where(Assignment.wave_id == wave.id)))
    chosen = Invitation.unit_code.in_(units) if units else Invitation.wave_id == wave.id
    own = select(Account.phone_mark).where(Account.phone_mark.is_not(None))
    found = session.execute(
        select(Invitation.id, Invitation.class_code, Invitation.unit_code, Dossier.commune, Dossier.code_mark)
        .join(Dossier, Dossier.id == Invitation.dossier_id)
        .where(
            Invitation.wave_id == wave.id,
            Invitation.state == invitations.ISSUED,
            chosen,
            or_(Dossier.person_mark.is_(None), Dossier.person_mark.not_in(own)),
            or_(Dossier.phone.is_not(None), Dossier.address.is_not(None)),
        )
    )
    rows = sorted(found, key=lambda row: bytes(row.code_mark))
    return [
        Person(identity, class_code, unit or "", commune or "")
        for identity, class_code, unit, commune, _mark in rows
        if mark_of(key, identity) not in taken
    ]


def _new(wave: Wave, key: WaveKey, one: Person, account: Account) -> Assignment:
    mark = mark_of(key, one.invitation)
    notes = {"invitation": one.invitation.hex(), "attempts": []}
    return Assignment(mark=mark, wave_id=wave.id, account_id=account.id, sealed=seal(key, mark, notes))


def mark_of(key: WaveKey, invitation: bytes) -> bytes:
    return key.mark("assignment", invitation)


def seal(key: WaveKey, mark: bytes, notes: Mapping[str, Any]) -> bytes:
    text = json.dumps(notes, separators=(",", ":")).encode()
    return encrypt(key.subkey("assignment", mark), text.ljust(-(-len(text) // PAD) * PAD))


def unseal(key: WaveKey, row: Assignment) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads(decrypt(key.subkey("assignment", row.mark), row.sealed))
    return notes


def count_people(
    session: Session, wave: Wave, unit: str, account: bytes, outcome: str, *, people: int, attempts: int = 0
) -> None:
    """So many more (or fewer) people and attempts at an outcome."""
    if people < 0:
        row = (
            (FieldTally.wave_id == wave.id)
            & (FieldTally.unit_code == unit)
            & (FieldTally.account_id == account)
            & (FieldTally.outcome == outcome)
        )
        session.execute(update(FieldTally).where(row).values(people=FieldTally.people + people))
        return
    new = insert_into(cast(Table, FieldTally.__table__), engine_of(session))
    key = [FieldTally.wave_id, FieldTally.unit_code, FieldTally.account_id, FieldTally.outcome]
    more = {"people": FieldTally.people + people, "attempts": FieldTally.attempts + attempts}
    values = {"wave_id": wave.id, "unit_code": unit, "account_id": account, "outcome": outcome}
    session.execute(
        new.values(**values, people=people, attempts=attempts).on_conflict_do_update(index_elements=key, set_=more)
    )
