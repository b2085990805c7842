"""Releases: a run's figures are let out, provisionally or for good, when two people of two agencies have signed.

Between both stands the time for complaints (kiến nghị điểm). Nobody edits a figure: another run is proposed instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.errors.common import ScoresOutdated
from survey.errors.seals import (
    ComplaintsOpen,
    NothingProposed,
    NotReleased,
    NotYours,
    RunUnknown,
    WindowOpen,
    WindowTooShort,
)
from survey.model.approval import Approval
from survey.model.base import new_id
from survey.model.release import Complaint, Release
from survey.model.result import Run
from survey.model.staff import Account, AccountRole
from survey.model.wave import Wave
from survey.stages import approvals, audit, results, reviews, waves
from survey.stages.staff import Role
from survey.wavefile import Kind

SIGNERS = frozenset({Role.LEAD_AGENCY, Role.OVERSIGHT})  # who surveys does not let out what was surveyed


class Step(StrEnum):
    """How far a run's figures are let out."""

    PROVISIONAL = "provisional"  # each unit sees its own and may complain until a deadline
    FINAL = "final"


def propose(
    session: Session,
    wave: Wave,
    run: Run,
    step: Step,
    *,
    document: str,
    by: str,
    now: datetime,
    complaints_until: datetime | None = None,
) -> Release:
    """Propose a run for letting out, and sign it first. A newer proposal of the step takes an older one's place."""
    _require_signer(session, by)
    waves.require(wave, *waves.OVER)
    waves.decide(wave, document)
    if results.is_outdated(session, wave, run):
        raise ScoresOutdated(wave=wave.code)
    reviews.require_decided(session, wave)
    _require_order(session, wave, step, now, complaints_until)
    release = Release(
        id=new_id(), wave_id=wave.id, run_id=run.id, step=step.value, document=document.strip(),
        complaints_until=complaints_until if step is Step.PROVISIONAL else None, proposed_at=now, proposed_by=by,
        released_at=None,
    )  # fmt: skip
    session.add(release)
    session.flush()
    told = {"step": step.value, "run": run.id.hex(), "document": document, "until": _iso(complaints_until)}
    audit.record(session, actor=by, action="results.propose", subject=wave.code, detail=told, now=now)
    sign(session, wave, release, document=document, by=by, now=now)
    return release


def sign(session: Session, wave: Wave, release: Release, *, document: str, by: str, now: datetime) -> bool:
    """Agree to a proposal as it stands; it is let out with the second agency's signature. Whether it is out now."""
    _require_signer(session, by)
    if release.released_at is not None or release is not pending(session, wave, Step(release.step)):
        raise NothingProposed(wave=wave.code)
    about = (subject(release), digest(session, wave, release))
    approvals.give(session, *about, by=by, document=document, now=now)
    if not approvals.suffice(approvals.given(session, *about)):
        return False
    release.released_at = now
    told = {"step": release.step, "run": release.run_id.hex(), "document": release.document}
    audit.record(session, actor=by, action="results.release", subject=wave.code, detail=told, now=now)
    session.flush()
    return True


def signatures(session: Session, wave: Wave, release: Release) -> list[Approval]:
    """Who agreed, the first one first."""
    return approvals.given(session, subject(release), digest(session, wave, release))


def subject(release: Release) -> str:
    return f"release:{release.id.hex()}"


def digest(session: Session, wave: Wave, release: Release) -> str:
    """What is agreed to: this run's figures, this step, this decision, this deadline."""
    run = session.get_one(Run, release.run_id)
    told = [
        wave.code, release.step, run.id.hex(), run.extract_digest, run.options.get("rows", ""), release.document,
        _iso(release.complaints_until),
    ]  # fmt: skip
    return sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def pending(session: Session, wave: Wave, step: Step) -> Release | None:
    """The proposal that waits for its second signature."""
    newest = next(iter(_steps(session, wave, step)), None)
    return newest if newest is not None and newest.released_at is None else None


def standing(session: Session, wave: Wave, step: Step) -> Release | None:
    """The newest that was let out."""
    return next((one for one in _steps(session, wave, step) if one.released_at is not None), None)


def require_standing(session: Session, wave: Wave, step: Step) -> Release:
    found = standing(session, wave, step)
    if found is None:
        raise NotReleased(wave=wave.code)
    return found


def shown(session: Session, wave: Wave) -> Release | None:
    """What rated units may see of themselves: the final figures, else the provisional ones."""
    return standing(session, wave, Step.FINAL) or standing(session, wave, Step.PROVISIONAL)


def find_run(session: Session, wave: Wave, name: str) -> Run:
    """A run of the wave by the beginning of its number; RunUnknown when none or several begin so."""
    runs = [run for run in all_runs(session, wave) if name and run.id.hex().startswith(name.lower())]
    if len(runs) != 1:
        raise RunUnknown(wave=wave.code, run=name)
    return runs[0]


def all_runs(session: Session, wave: Wave) -> list[Run]:
    """The runs of a wave, the newest first."""
    return list(session.scalars(select(Run).where(Run.wave_id == wave.id).order_by(Run.made_at.desc(), Run.id)))


def open_complaints(session: Session, release: Release) -> int:
    """Complaints that nobody decided yet."""
    waiting = select(func.count()).select_from(Complaint)
    return session.scalar(waiting.where(Complaint.release_id == release.id, Complaint.verdict.is_(None))) or 0


def _steps(session: Session, wave: Wave, step: Step) -> Sequence[Release]:
    wanted = select(Release).where(Release.wave_id == wave.id, Release.step == step.value)
    return session.scalars(wanted.order_by(Release.proposed_at.desc(), Release.id)).all()


def _require_order(session: Session, wave: Wave, step: Step, now: datetime, until: datetime | None) -> None:
    """Provisional figures come first, with a time for complaints; all of these are decided before the final ones."""
    if step is Step.PROVISIONAL:
        if until is None or until <= now:
            raise WindowTooShort(wave=wave.code)
        return
    before = standing(session, wave, Step.PROVISIONAL)
    if before is None:
        if wave.kind == Kind.REAL:
            raise NotReleased(wave=wave.code)
        return
    if before.complaints_until is not None and now < before.complaints_until:
        raise WindowOpen(wave=wave.code, until=waves.told(before.complaints_until))
    waiting = open_complaints(session, before)
    if waiting:
        raise ComplaintsOpen(wave=wave.code, complaints=waiting)


def _require_signer(session: Session, email: str) -> None:
    holds = select(AccountRole.role).join(Account, Account.id == AccountRole.account_id)
    held = {Role(role) for role in session.scalars(holds.where(Account.email == email, Account.active))}
    if not held & SIGNERS:
        raise NotYours()


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
