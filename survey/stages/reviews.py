"""The review of suspicious answers (phiếu cần xác minh), after the close: two people of two agencies decide each case.

A case is a unit, collector or batch whose answers differ from the wave as honest ones do not. Nothing is deleted: what
is confirmed, or not decided yet, is flagged in the extract, and every score comes with and without it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey.errors.seals import CaseDecided, CasesOpen, GroupUnknown, NotScreened, NotYours, TextMissing
from survey.model.approval import Approval
from survey.model.base import new_id
from survey.model.response import Answer
from survey.model.review import FlaggedAnswer, Screening, ScreeningCase, ScreeningFinding
from survey.model.staff import Account, AccountRole
from survey.model.wave import Wave
from survey.stages import approvals, audit, waves
from survey.stages.staff import Role

REVIEWERS = frozenset({Role.SURVEY_OFFICE, Role.OVERSIGHT})  # one of each decides
FLOOR, STEP = 10, 5
CHUNK, LONGEST = 2000, 300


class Verdict(StrEnum):
    """What two people can decide about a case."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class Flag(StrEnum):
    """What stands in the extract's column `flag`; empty is an answer that nothing speaks against."""

    CONFIRMED = "confirmed"
    OPEN = "open"


@dataclass(frozen=True)
class Found:
    """One flag of a case with its evidence, and the answers that it points at."""

    kind: str
    name: str
    signal: str
    evidence: Mapping[str, Any]
    answers: int
    points_at: tuple[bytes, ...]


@dataclass(frozen=True)
class Voice:
    """What one reviewer said of a case."""

    verdict: Verdict
    email: str
    agency: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Share:
    """How many of a unit's answers are flagged and confirmed, as far as it may be told."""

    answers: int
    flagged: int | None
    confirmed: int | None


def store(
    session: Session, wave: Wave, found: Sequence[Found], *, extract: str, answers: int, options: Mapping[str, Any],
    version: str, actor: str, now: datetime,
) -> Screening:  # fmt: skip
    """Append a screening with its cases; decisions about the same evidence stand, others are asked for anew."""
    waves.require(wave, *waves.OVER)
    before = latest(session, wave)
    screening = Screening(
        id=new_id(), wave_id=wave.id, extract_digest=extract, answers=answers, options=dict(options),
        code_version=version, made_at=now, made_by=actor,
    )  # fmt: skip
    session.add(screening)
    session.flush()
    groups: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        groups.setdefault((one.kind, one.name), []).append(one)
    for number, ((kind, name), flags) in enumerate(groups.items(), start=1):
        _add_case(session, screening, number, kind, name, flags)
    session.flush()
    if before is not None:
        _carry_over(session, before, screening, now)
    detail = {"screening": screening.id.hex(), "extract": extract, "answers": answers, "cases": len(groups)}
    audit.record(session, actor=actor, action="review.screen", subject=wave.code, detail=detail, now=now)
    return screening


def _add_case(
    session: Session, screening: Screening, number: int, kind: str, name: str, flags: Sequence[Found]
) -> None:
    named = sorted({identity for one in flags for identity in one.points_at})
    session.add(ScreeningCase(
        screening_id=screening.id, number=number, kind=kind, name=name, answers=flags[0].answers, flagged=len(named),
        verdict=None, decided_at=None,
    ))  # fmt: skip
    session.flush()
    session.add_all(
        ScreeningFinding(screening_id=screening.id, number=number, signal=one.signal, evidence=dict(one.evidence))
        for one in flags
    )
    rows = [{"screening_id": screening.id, "number": number, "answer_id": identity} for identity in named]
    for start in range(0, len(rows), CHUNK):
        session.execute(insert(FlaggedAnswer), rows[start : start + CHUNK])


def _carry_over(session: Session, before: Screening, screening: Screening, now: datetime) -> None:
    """A decision stands where the same answers are flagged for the same reasons."""
    decided = {digest(session, case): case for case in cases(session, before) if case.verdict is not None}
    for case in cases(session, screening):
        same = decided.get(digest(session, case))
        if same is not None:
            case.verdict, case.decided_at = same.verdict, same.decided_at
    session.flush()


def decide(
    session: Session, wave: Wave, case: ScreeningCase, verdict: Verdict, *, reason: str, by: str, now: datetime
) -> bool:
    """Say what one thinks of a case, and why; it is decided when both offices say the same. Whether it is now."""
    if case.verdict is not None:
        raise CaseDecided()
    if not (written := " ".join(reason.split())) or len(written) > LONGEST:
        raise TextMissing()
    if not _offices(session, [by]):
        raise NotYours()
    about = (subject(wave, case), _digest_of(session, case, verdict))
    approvals.say(session, *about, by=by, written=written, now=now)
    detail = {"case": subject(wave, case), "verdict": verdict.value, "reason": written}
    audit.record(session, actor=by, action="review.say", subject=wave.code, detail=detail, now=now)
    agreed = approvals.given(session, *about)
    emails = [session.get_one(Account, one.account_id).email for one in agreed]
    if not approvals.suffice(agreed) or _offices(session, emails) != REVIEWERS:
        return False
    case.verdict, case.decided_at = verdict.value, now
    session.flush()
    detail = {"case": subject(wave, case), "verdict": verdict.value, "answers": str(case.flagged)}
    audit.record(session, actor=by, action="review.decide", subject=wave.code, detail=detail, now=now)
    return True


def latest(session: Session, wave: Wave) -> Screening | None:
    """The screening that counts."""
    wanted = select(Screening).where(Screening.wave_id == wave.id)
    return session.scalars(wanted.order_by(Screening.made_at.desc(), Screening.id)).first()


def cases(session: Session, screening: Screening) -> list[ScreeningCase]:
    wanted = select(ScreeningCase).where(ScreeningCase.screening_id == screening.id)
    return list(session.scalars(wanted.order_by(ScreeningCase.number)))


def find_case(session: Session, wave: Wave, number: int) -> ScreeningCase:
    screening = latest(session, wave)
    found = None if screening is None else session.get(ScreeningCase, (screening.id, number))
    if found is None:
        raise GroupUnknown()
    return found


def evidence(session: Session, case: ScreeningCase) -> list[ScreeningFinding]:
    """Why a case is one, each signal with its figures."""
    wanted = select(ScreeningFinding).where(ScreeningFinding.screening_id == case.screening_id)
    return list(session.scalars(wanted.where(ScreeningFinding.number == case.number).order_by(ScreeningFinding.signal)))


def voices(session: Session, wave: Wave, case: ScreeningCase) -> list[Voice]:
    """Who said what of a case, the first one first."""
    said = []
    for verdict in Verdict:
        for one in approvals.given(session, subject(wave, case), _digest_of(session, case, verdict)):
            said.append(_voice(session, one, verdict))
    return sorted(said, key=lambda voice: voice.at)


def _voice(session: Session, approval: Approval, verdict: Verdict) -> Voice:
    account = session.get_one(Account, approval.account_id)
    return Voice(verdict, account.email, account.agency, approval.document, approval.given_at)


def subject(wave: Wave, case: ScreeningCase) -> str:
    return f"review:{wave.code}:{case.kind}:{case.name}"[:200]


def digest(session: Session, case: ScreeningCase) -> str:
    """A case by its evidence and the answers that it points at."""
    pointed = select(FlaggedAnswer.answer_id).where(FlaggedAnswer.screening_id == case.screening_id)
    rows = session.scalars(pointed.where(FlaggedAnswer.number == case.number).order_by(FlaggedAnswer.answer_id))
    signals = [[one.signal, one.evidence] for one in evidence(session, case)]
    told = [case.kind, case.name, signals, [identity.hex() for identity in rows]]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _digest_of(session: Session, case: ScreeningCase, verdict: Verdict) -> str:
    return hashlib.sha256(f"{digest(session, case)}:{verdict.value}".encode()).hexdigest()


def _offices(session: Session, emails: Sequence[str]) -> frozenset[Role]:
    """The reviewing offices that these people belong to."""
    holds = select(AccountRole.role).join(Account, Account.id == AccountRole.account_id)
    held = session.scalars(holds.where(Account.email.in_(emails), Account.active))
    return frozenset(Role(role) for role in held) & REVIEWERS


def flags(session: Session, wave: Wave) -> dict[bytes, Flag]:
    """The flag of each answer that has one: confirmed, or not decided yet."""
    screening = latest(session, wave)
    if screening is None:
        return {}
    same = (FlaggedAnswer.screening_id == ScreeningCase.screening_id) & (FlaggedAnswer.number == ScreeningCase.number)
    wanted = select(FlaggedAnswer.answer_id, ScreeningCase.verdict).join(ScreeningCase, same)
    found: dict[bytes, Flag] = {}
    for identity, verdict in session.execute(wanted.where(FlaggedAnswer.screening_id == screening.id)):
        if verdict == Verdict.CONFIRMED:
            found[identity] = Flag.CONFIRMED
        elif verdict is None:
            found.setdefault(identity, Flag.OPEN)
    return found


def flags_digest(session: Session, wave: Wave) -> str:
    """All flags in short: a run that was made with others is outdated."""
    told = sorted((identity.hex(), flag.value) for identity, flag in flags(session, wave).items())
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def require_decided(session: Session, wave: Wave) -> None:
    """A citizens' wave lets nothing out for good before it was screened and every case was decided."""
    if wave.audience != "citizens":
        return
    screening = latest(session, wave)
    if screening is None:
        raise NotScreened(wave=wave.code)
    waiting = [case for case in cases(session, screening) if case.verdict is None]
    if waiting:
        raise CasesOpen(wave=wave.code, cases=len(waiting))


def shares(session: Session, wave: Wave) -> dict[str, Share]:
    """By unit, how many answers were flagged and confirmed: fewer than ten are not told, more in steps of five.

    Where nearly all of a unit's answers are flagged, the few others could be told from its figures: then none is told.
    """
    screening = latest(session, wave)
    if screening is None:
        return {}
    counted = select(Answer.unit_code, func.count()).where(Answer.wave_id == wave.id).group_by(Answer.unit_code)
    answers = {str(unit): int(count) for unit, count in session.execute(counted)}
    flagged, confirmed = Counter[str](), Counter[str]()
    pointed = select(FlaggedAnswer.answer_id).where(FlaggedAnswer.screening_id == screening.id).distinct()
    standing = flags(session, wave)
    for identity, unit in session.execute(select(Answer.id, Answer.unit_code).where(Answer.id.in_(pointed))):
        flagged[unit] += 1
        confirmed[unit] += standing.get(identity) is Flag.CONFIRMED
    return {unit: Share(n, _told(flagged[unit], n), _told(confirmed[unit], n)) for unit, n in sorted(answers.items())}


def _told(count: int, of: int) -> int | None:
    if count == 0:
        return 0
    return None if count < FLOOR or of - count < FLOOR else count // STEP * STEP


def record(session: Session, wave: Wave) -> dict[str, Any]:
    """Everything that was found and decided, for the seal; people stand there by their agency."""
    screening = latest(session, wave)
    if screening is None:
        return {"screening": None, "cases": []}
    told = [
        {
            "kind": case.kind, "name": case.name, "answers": case.answers, "flagged": case.flagged,
            "verdict": case.verdict, "evidence": {one.signal: one.evidence for one in evidence(session, case)},
            "said": [
                {"verdict": voice.verdict.value, "agency": voice.agency, "reason": voice.reason}
                for voice in voices(session, wave, case)
            ],
        }
        for case in cases(session, screening)
    ]  # fmt: skip
    head = {"extract": screening.extract_digest, "answers": screening.answers, "options": screening.options}
    return {"screening": head | {"version": screening.code_version}, "cases": told}
