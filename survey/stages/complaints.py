"""Complaints about a score (kiến nghị điểm): a rated unit writes, the lead agency answers, the council decides.

No figure is touched by any of it: where the council upholds a complaint, what it was about is corrected at its source
and another run is proposed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.seals import ComplaintSettled, ComplaintUnknown, TextMissing, WindowClosed
from survey.model.base import new_id
from survey.model.release import Complaint, Release
from survey.model.wave import Wave
from survey.stages import audit, releases, results, waves
from survey.stages.releases import Step

LONGEST = 4000
UPHELD, REJECTED = "upheld", "rejected"
VERDICTS = (UPHELD, REJECTED)


def window(session: Session, wave: Wave, now: datetime) -> Release | None:
    """The provisional release about which can be complained now."""
    release = releases.standing(session, wave, Step.PROVISIONAL)
    if release is None or release.complaints_until is None or now >= release.complaints_until:
        return None
    return release


def file(session: Session, wave: Wave, *, unit: str, code: str, text: str, by: str, now: datetime) -> Complaint:
    """Write a complaint about one part of the unit's sheet; WindowClosed outside the time for it."""
    release = window(session, wave, now)
    if release is None:
        raise WindowClosed(wave=wave.code)
    complaint = Complaint(
        id=new_id(), release_id=release.id, unit_code=unit, code=code, text=_written(text), filed_at=now, filed_by=by,
        answer=None, answered_at=None, answered_by=None, verdict=None, document=None, decided_at=None, decided_by=None,
    )  # fmt: skip
    session.add(complaint)
    session.flush()
    _record(session, wave, complaint, "complaint.file", by, now, code=code)
    return complaint


def answer(session: Session, wave: Wave, complaint: Complaint, *, text: str, by: str, now: datetime) -> None:
    """The lead agency's answer; it is given once."""
    if complaint.answer is not None or complaint.verdict is not None:
        raise ComplaintSettled()
    complaint.answer, complaint.answered_at, complaint.answered_by = _written(text), now, by
    session.flush()
    _record(session, wave, complaint, "complaint.answer", by, now)


def decide(
    session: Session, wave: Wave, complaint: Complaint, *, verdict: str, document: str, by: str, now: datetime
) -> None:
    """Enter what the council (hội đồng) decided, with its document; an answer must stand before."""
    if complaint.verdict is not None or complaint.answer is None:
        raise ComplaintSettled()
    if verdict not in VERDICTS:
        raise TextMissing()
    waves.decide(wave, document)
    complaint.verdict, complaint.document = verdict, document.strip()
    complaint.decided_at, complaint.decided_by = now, by
    session.flush()
    _record(session, wave, complaint, "complaint.decide", by, now, verdict=verdict, document=document)


def of_wave(session: Session, wave: Wave, *, unit: str | None = None) -> list[Complaint]:
    """The complaints of a wave, all or one unit's, in the order in which they were written."""
    wanted = select(Complaint).join(Release, Release.id == Complaint.release_id).where(Release.wave_id == wave.id)
    if unit is not None:
        wanted = wanted.where(Complaint.unit_code == unit)
    return list(session.scalars(wanted.order_by(Complaint.filed_at, Complaint.id)))


def find(session: Session, wave: Wave, identity: str) -> Complaint:
    try:
        found = session.get(Complaint, bytes.fromhex(identity))
    except ValueError:
        found = None
    if found is None or found not in of_wave(session, wave):
        raise ComplaintUnknown()
    return found


def codes(session: Session, wave: Wave, unit_type: str) -> list[tuple[str, str, str]]:
    """What a unit may complain about: the components of its schemes by code, Vietnamese and English name."""
    return [
        (one.code, one.name("vi"), one.name("en"))
        for scheme in results.schemes_for(session, wave, unit_type)
        for one in scheme.components
    ]


def _written(text: str) -> str:
    if not (written := text.strip()) or len(written) > LONGEST:
        raise TextMissing()
    return written


def _record(
    session: Session, wave: Wave, complaint: Complaint, action: str, by: str, now: datetime, **detail: str
) -> None:
    told = {"complaint": complaint.id.hex(), "unit": complaint.unit_code, **detail}
    audit.record(session, actor=by, action=action, subject=wave.code, detail=told, now=now)
