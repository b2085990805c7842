"""Interviews: an interviewer's own list, what was tried with each person, and the answer, which nobody sees again.

An answer goes the way of every other one (`responses.accept`). That a link was used before is not told here either:
what comes twice is thanked and stored once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.common import LinkClosed
from survey.errors.field import CaseEnded, CaseUnknown, WhenMissing
from survey.keys import Keys, WaveKey
from survey.model.frame import Dossier
from survey.model.interview import Assignment
from survey.model.invitation import Invitation
from survey.model.sample import ClassCell
from survey.model.staff import Account
from survey.model.unit import Unit
from survey.model.wave import Wave
from survey.stages import assignments, doors, responses, waves
from survey.stages.assignments import count_people
from survey.stages.classes import PRIVACY_FLOOR
from survey.stages.openings import Opening
from survey.wavefile import Mode

LONGEST_AWAY = timedelta(days=7)  # an attempt that was kept on the phone is told this late at most


class Outcome(StrEnum):
    """How it stands with a person (AAPOR Standard Definitions 2023, in-person surveys; the code behind each)."""

    PENDING = "pending"  # 3.11 not tried yet
    CALLBACK = "callback"  # 2.20, to be tried again at an agreed time
    NO_CONTACT = "no_contact"  # 2.20
    REFUSED = "refused"  # 2.11
    UNABLE = "unable"  # 2.30 ill, away for the whole time, another language
    NOT_FOUND = "not_found"  # 3.18 no such address or phone: whether eligible is not known
    NOT_ELIGIBLE = "not_eligible"  # 4.10 did not file the dossier
    COMPLETE = "complete"  # 1.1
    PARTIAL = "partial"  # 1.2 broken off, with answers


RECORDED = (
    Outcome.CALLBACK, Outcome.NO_CONTACT, Outcome.REFUSED, Outcome.UNABLE, Outcome.NOT_FOUND, Outcome.NOT_ELIGIBLE,
)  # fmt: skip
ENDED = frozenset({Outcome.COMPLETE, Outcome.PARTIAL, Outcome.NOT_ELIGIBLE})


@dataclass(frozen=True)
class Attempt:
    """One try at a person; `back` is the agreed time of a call-back, as it was written."""

    at: datetime
    outcome: Outcome
    back: str = ""


@dataclass(frozen=True)
class Case:
    """Somebody on the own list, with what is needed to reach them."""

    row: Assignment
    wave: Wave
    key: WaveKey
    invitation: Invitation
    unit: Unit
    name: str
    address: str
    phone: str
    attempts: tuple[Attempt, ...]

    @property
    def code(self) -> str:
        return self.row.mark.hex()

    @property
    def outcome(self) -> Outcome:
        return self.attempts[-1].outcome if self.attempts else Outcome.PENDING

    @property
    def is_ended(self) -> bool:
        return self.outcome in ENDED


def cases(session: Session, keys: Keys, *, email: str) -> list[Case]:
    """The own list in all waves that are open or rest, those still to be tried first."""
    found = [_case(session, keys, *row) for row in session.execute(_mine(email)).all()]
    order = {outcome: place for place, outcome in enumerate(Outcome)}
    return sorted(found, key=lambda one: (one.wave.code, one.is_ended, order[one.outcome], one.address, one.code))


def find(session: Session, keys: Keys, code: str, *, email: str) -> Case:
    """One person of the own list, held until the end of the transaction; CaseUnknown for anybody else."""
    try:
        mark = bytes.fromhex(code)
    except ValueError as error:
        raise CaseUnknown() from error
    row = session.execute(_mine(email).where(Assignment.mark == mark).with_for_update(of=Assignment)).first()
    if row is None:
        raise CaseUnknown()
    return _case(session, keys, *row)


def _mine(email: str) -> Any:
    return (
        select(Assignment, Wave)
        .join(Wave, Wave.id == Assignment.wave_id)
        .join(Account, Account.id == Assignment.account_id)
        .where(Account.email == email, Wave.state.in_(waves.RUNNING))
    )


def _case(session: Session, keys: Keys, row: Assignment, wave: Wave) -> Case:
    key = keys.wave(wave.id)
    notes = assignments.unseal(key, row)
    invitation = session.get_one(Invitation, bytes.fromhex(notes["invitation"]))
    dossier = session.get_one(Dossier, invitation.dossier_id)
    name, address, phone = (
        keys.installation.reveal(blob) if blob else "" for blob in (dossier.name, dossier.address, dossier.phone)
    )
    tried = tuple(
        Attempt(datetime.fromisoformat(one["at"]), Outcome(one["outcome"]), one["back"]) for one in notes["attempts"]
    )
    unit = session.get_one(Unit, invitation.unit_code)
    return Case(row, wave, key, invitation, unit, name, address, phone, tried)


def record(
    session: Session, case: Case, outcome: Outcome, *, sending: str, at: datetime, now: datetime, back: str = ""
) -> None:
    """Record one try; the same sending again changes nothing. Who is not the applicant is asked no more."""
    if outcome not in RECORDED:
        raise CaseEnded()
    if outcome is Outcome.CALLBACK and not back.strip():
        raise WhenMissing()
    if _was_told(case, sending):
        return
    if case.is_ended:
        raise CaseEnded()
    if outcome is Outcome.NOT_ELIGIBLE:
        responses.decline(session, opening(session, case), now=now)
    _note(session, case, Attempt(_bounded(at, now), outcome, back.strip()[:40]), sending)


def opening(session: Session, case: Case) -> Opening:
    """The person's form; "by an interviewer" stands on the answer only where ten of its class are on a list."""
    invitation = case.invitation
    cell = session.get(ClassCell, (case.wave.id, invitation.class_code))
    mode = Mode.INTERVIEWER if cell is not None and cell.assigned >= PRIVACY_FLOOR else Mode.LINK
    instrument = waves.instrument_of(case.wave)
    return Opening(case.wave, instrument, case.key, mode.value, invitation.id, case.unit, invitation.class_code)


def answer(
    session: Session,
    case: Case,
    answers: Mapping[str, str],
    *,
    sending: str,
    body: bytes,
    broken_off: bool,
    at: datetime,
    now: datetime,
    agrees: bool = False,
    order: Mapping[str, int] | None = None,
) -> None:
    """Accept what the person said; the used link of somebody who answered before takes nothing and is not told."""
    try:
        with session.begin_nested():
            responses.accept(
                session, opening(session, case), secret=case.key.code(case.invitation.id), submission_key=sending,
                answers=answers, body=body, now=now, agrees=agrees, order=order,
            )  # fmt: skip
    except LinkClosed:
        if case.wave.state != waves.OPEN:
            raise
    if not _was_told(case, sending) and not case.is_ended:
        outcome = Outcome.PARTIAL if broken_off else Outcome.COMPLETE
        _note(session, case, Attempt(_bounded(at, now), outcome), sending)
        who = case.row.account_id.hex()
        doors.note(session, case.wave.id, doors.Kind.INTERVIEWER, who, _bounded(at, now))


def _was_told(case: Case, sending: str) -> bool:
    mark = case.key.mark("attempt", sending).hex()
    return any(one["key"] == mark for one in assignments.unseal(case.key, case.row)["attempts"])


def _bounded(at: datetime, now: datetime) -> datetime:
    """A phone's clock may be wrong: never later than now, never longer ago than a week."""
    return min(max(at, now - LONGEST_AWAY), now)


def _note(session: Session, case: Case, tried: Attempt, sending: str) -> None:
    notes = assignments.unseal(case.key, case.row)
    mark = case.key.mark("attempt", sending).hex()
    told = {"at": tried.at.isoformat(timespec="minutes"), "outcome": tried.outcome, "back": tried.back, "key": mark}
    notes["attempts"] = [*notes["attempts"], told]
    case.row.sealed = assignments.seal(case.key, case.row.mark, notes)
    count_people(session, case.wave, case.unit.code, case.row.account_id, case.outcome, people=-1)
    count_people(session, case.wave, case.unit.code, case.row.account_id, tried.outcome, people=1, attempts=1)
    session.flush()
