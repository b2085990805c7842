"""The coverage note (biên bản về danh sách): what the frame holds against the year before, signed by a named person.

Nothing is drawn from a frame that nobody signed, or that changed since: who draws relies on it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from survey.errors.waves import FrameUnsigned, SignerMissing
from survey.model.base import new_id
from survey.model.frame import Dossier, FrameFile, FrameNote
from survey.model.sample import ClassCell
from survey.model.wave import Wave
from survey.stages import audit, waves

FEWER, MORE = 0.5, 2.0  # against last year: the list of a unit is looked at again
SUMMED = (  # of each list once; what repeats with every list (its rows, its repeats) says nothing of the frame
    "quarantined", "linked_duplicates", "staff_phone_dossiers", "unreadable_contacts", "unreadable_facts",
    "outside_period",
)  # fmt: skip


@dataclass(frozen=True)
class UnitCoverage:
    """One rated unit's dossiers, and those that last year's frame had."""

    unit: str
    dossiers: int
    without_contact: int
    late: int
    last: int | None

    @property
    def remark(self) -> str:
        """What somebody should ask the unit's office about; empty when nothing stands out."""
        if not self.dossiers:
            return "nothing"
        if self.without_contact > self.dossiers / 2:
            return "no_contacts"
        if self.last and self.dossiers < FEWER * self.last:
            return "fewer"
        return "more" if self.last and self.dossiers > MORE * self.last else ""


@dataclass(frozen=True)
class Coverage:
    """A frame as it stands: its lists, its units, the wave that it is compared with, and who signed for it."""

    wave: str
    last: str | None
    files: int
    systems: tuple[str, ...]
    counts: dict[str, int]
    shared_phones: int
    shared_phone_dossiers: int
    units: tuple[UnitCoverage, ...]
    digest: str
    signed_by: str | None

    @property
    def dossiers(self) -> int:
        return sum(one.dossiers for one in self.units)

    def as_dict(self) -> dict[str, Any]:
        units = [asdict(one) | {"remark": one.remark} for one in self.units]
        return asdict(self) | {"systems": list(self.systems), "dossiers": self.dossiers, "units": units}


def look(session: Session, wave: Wave) -> Coverage:
    """The frame of a wave against that of the citizens' wave before it."""
    found = dict.fromkeys(sorted(unit.code for unit, _target in waves.units_of(session, wave)), (0, 0, 0))
    found |= _by_unit(session, wave)
    before = wave_before(session, wave)
    last = population(session, before) if before else {}
    reports = list(session.scalars(select(FrameFile.report).where(FrameFile.wave_id == wave.id)))
    counts = Counter(dict.fromkeys(SUMMED, 0))
    for report in reports:
        counts.update({name: int(report.get(name, 0)) for name in SUMMED})
    phones, dossiers = _shared(session, wave)
    digest = digest_of(session, wave)
    note = _note(session, wave, digest)
    return Coverage(
        wave=wave.code,
        last=before.code if before else None,
        files=len(reports),
        systems=tuple(sorted({str(report["system"]) for report in reports if report.get("system")})),
        counts=dict(counts) | _as_it_stands(session, wave),
        shared_phones=phones,
        shared_phone_dossiers=dossiers,
        units=tuple(UnitCoverage(unit, *of_unit, last.get(unit)) for unit, of_unit in found.items()),
        digest=digest,
        signed_by=note.signer if note else None,
    )


def of_unit(session: Session, wave: Wave, unit: str) -> UnitCoverage | None:
    """One unit's dossiers, for the unit itself; None when the wave does not ask about it."""
    if unit not in {one.code for one, _target in waves.units_of(session, wave)}:
        return None
    before = wave_before(session, wave)
    last = population(session, before).get(unit) if before else None
    return UnitCoverage(unit, *_by_unit(session, wave).get(unit, (0, 0, 0)), last)


def sign(session: Session, wave: Wave, *, by: str, actor: str, now: datetime, document: str | None = None) -> Coverage:
    """A named person answers for what the list covers and leaves out; a real wave's note has its number."""
    waves.require(wave, *waves.COMING)
    if not by.strip():
        raise SignerMissing(wave=wave.code)
    seen = look(session, wave)
    if not seen.dossiers:
        raise FrameUnsigned(wave=wave.code)
    waves.decide(wave, document)
    session.add(FrameNote(
        id=new_id(), wave_id=wave.id, signer=by.strip(), document=document, signed_at=now, signed_as=actor,
        frame_digest=seen.digest, coverage=seen.as_dict(),
    ))  # fmt: skip
    detail = {"by": by.strip(), "document": document, "frame": seen.digest, "dossiers": seen.dossiers}
    audit.record(session, actor=actor, action="frame.sign", subject=wave.code, detail=detail, now=now)
    session.flush()
    return look(session, wave)


def require_signed(session: Session, wave: Wave) -> None:
    """FrameUnsigned unless somebody signed for the frame as it stands now."""
    if not is_signed(session, wave):
        raise FrameUnsigned(wave=wave.code)


def is_signed(session: Session, wave: Wave) -> bool:
    """Whether somebody signed for the frame as it stands now."""
    return _note(session, wave, digest_of(session, wave)) is not None


def _note(session: Session, wave: Wave, digest: str) -> FrameNote | None:
    """The newest signature for the frame as the digest names it."""
    found = select(FrameNote).where(FrameNote.wave_id == wave.id, FrameNote.frame_digest == digest)
    return session.scalars(found.order_by(FrameNote.signed_at.desc()).limit(1)).first()


def digest_of(session: Session, wave: Wave) -> str:
    """What the signature binds: the lists read, what they completed, how many dossiers of each unit they gave."""
    lists = session.execute(select(FrameFile.digest, FrameFile.report).where(FrameFile.wave_id == wave.id))
    files = sorted(f"{one}+{report['completed']}" if report.get("completed") else one for one, report in lists)
    counts = sorted((unit, *of_unit) for unit, of_unit in _by_unit(session, wave).items())
    return hashlib.sha256(repr((files, counts)).encode()).hexdigest()


def _by_unit(session: Session, wave: Wave) -> dict[str, tuple[int, int, int]]:
    """Dossiers, those without a contact and the late ones, of each unit."""
    rows = session.execute(
        select(
            Dossier.unit_code,
            func.count(),
            func.sum(case((Dossier.person_mark.is_(None), 1), else_=0)),
            func.sum(case((Dossier.timing == "late", 1), else_=0)),
        )
        .where(Dossier.wave_id == wave.id)
        .group_by(Dossier.unit_code)
    )
    return {unit: (int(number), int(without), int(late)) for unit, number, without, late in rows}


def _as_it_stands(session: Session, wave: Wave) -> dict[str, int]:
    """Dossiers without a contact and by their timing, whatever list they came from and was completed by."""
    of_timing = select(Dossier.timing, func.count()).where(Dossier.wave_id == wave.id).group_by(Dossier.timing)
    timings = {timing: int(number) for timing, number in session.execute(of_timing)}
    without = sum(number for _all, number, _late in _by_unit(session, wave).values())
    return {
        "without_contact": without, "late": timings.get("late", 0), "on_time": timings.get("on_time", 0),
        "timing_unknown": timings.get("unknown", 0),
    }  # fmt: skip


def _shared(session: Session, wave: Wave) -> tuple[int, int]:
    """Phones behind more than one dossier, and how many dossiers they are behind."""
    of_phone = (
        select(func.count().label("dossiers"))
        .where(Dossier.wave_id == wave.id, Dossier.phone.is_not(None))
        .group_by(Dossier.person_mark)
        .having(func.count() > 1)
        .subquery()
    )
    phones, dossiers = session.execute(
        select(func.count(), func.coalesce(func.sum(of_phone.c.dossiers), 0)).select_from(of_phone)
    ).one()
    return int(phones), int(dossiers)


def wave_before(session: Session, wave: Wave) -> Wave | None:
    """The newest citizens' wave of the province that was drawn and whose period lies before this one's."""
    drawn = select(ClassCell.wave_id)
    found = select(Wave).where(
        Wave.province == wave.province, Wave.audience == wave.audience, Wave.kind == wave.kind,
        Wave.period_to < wave.period_from, Wave.id.in_(drawn),
    )  # fmt: skip
    return session.scalars(found.order_by(Wave.period_to.desc(), Wave.code).limit(1)).first()


def population(session: Session, wave: Wave) -> dict[str, int]:
    """The frame's dossiers by unit as the register keeps them after the close."""
    strata = (
        select(ClassCell.unit_code, ClassCell.stratum, ClassCell.stratum_population)
        .where(ClassCell.wave_id == wave.id, ClassCell.unit_code.is_not(None))
        .distinct()
    )
    counts = Counter[str]()
    for unit, _stratum, dossiers in session.execute(strata):
        counts[str(unit)] += dossiers
    return dict(counts)
