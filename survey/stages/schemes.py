"""Schemes that the province writes on the site: versions that never change, agreed to by two agencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.common import UnknownScheme
from survey.errors.schemes import SchemeShipped, VersionTaken
from survey.model.scheme import SchemeTrial, SchemeVersion
from survey.model.wave import Wave
from survey.scheme import Scheme, builtin_scheme, builtin_schemes, load_scheme
from survey.stages import approvals, audit


@dataclass(frozen=True)
class Shelved:
    """A scheme that can be read: shipped, or a version that the province keeps, agreed to or not yet."""

    scheme: Scheme
    is_shipped: bool
    is_approved: bool
    made_by: str = ""
    made_at: datetime | None = None
    note: str = ""

    @property
    def address(self) -> str:
        return self.scheme.digest


def shelf(session: Session) -> list[Shelved]:
    """The province's versions, the newest first, then the shipped schemes."""
    kept = session.scalars(select(SchemeVersion).order_by(SchemeVersion.made_at.desc(), SchemeVersion.id))
    own = [_shelved(session, one) for one in kept]
    return own + [Shelved(builtin_scheme(code), True, False) for code in builtin_schemes()]


def find(session: Session, digest: str) -> Shelved:
    """The scheme of a digest; UnknownScheme when there is none."""
    kept = session.scalars(select(SchemeVersion).where(SchemeVersion.digest == digest)).first()
    if kept is not None:
        return _shelved(session, kept)
    for code in builtin_schemes():
        if (scheme := builtin_scheme(code)).digest == digest:
            return Shelved(scheme, True, False)
    raise UnknownScheme(digest[:12])


def keep(session: Session, text: str, *, note: str, by: str, now: datetime) -> Scheme:
    """Keep a version. FaultyFile names every fault; the same text again is the version that is there already."""
    scheme = load_scheme(text)
    if scheme.code in builtin_schemes():
        raise SchemeShipped(code=scheme.code)
    same = select(SchemeVersion).where(SchemeVersion.code == scheme.code, SchemeVersion.version == scheme.version)
    there = session.scalars(same).first()
    if there is not None:
        if there.digest != scheme.digest:
            raise VersionTaken(code=scheme.code, version=scheme.version)
        return scheme
    session.add(
        SchemeVersion(
            code=scheme.code,
            version=scheme.version,
            digest=scheme.digest,
            source=scheme.source,
            note=note.strip(),
            made_by=by,
            made_at=now,
        )
    )
    session.flush()
    detail = {"version": scheme.version, "digest": scheme.digest, "note": note.strip()}
    audit.record(session, actor=by, action="scheme.keep", subject=scheme.code, detail=detail, now=now)
    return scheme


def subject(scheme: Scheme) -> str:
    """What two agencies agree to."""
    return f"scheme:{scheme.code}:{scheme.version}"


def approve(session: Session, digest: str, *, by: str, document: str, now: datetime) -> None:
    """One agency's agreement to a kept version."""
    found = find(session, digest)
    if found.is_shipped:
        raise SchemeShipped(code=found.scheme.code)
    approvals.give(session, subject(found.scheme), digest, by=by, document=document, now=now)


def approved(session: Session) -> dict[str, str]:
    """The text of the newest agreed version of every scheme, by code: what a wave file may name."""
    kept = session.scalars(select(SchemeVersion).order_by(SchemeVersion.made_at, SchemeVersion.id))
    return {one.code: one.source for one in kept if _shelved(session, one).is_approved}


def store_trial(
    session: Session, scheme: Scheme, wave: Wave, lines: Sequence[Mapping[str, Any]], *, by: str, now: datetime
) -> None:
    """Keep what a version would have changed in a closed wave."""
    made = [dict(line) for line in lines]
    session.add(SchemeTrial(digest=scheme.digest, wave_id=wave.id, made_by=by, made_at=now, lines=made))
    detail = {"digest": scheme.digest, "wave": wave.code}
    audit.record(session, actor=by, action="scheme.try", subject=scheme.code, detail=detail, now=now)


def trials(session: Session, digest: str) -> list[tuple[SchemeTrial, Wave]]:
    """The dry runs of a scheme, the newest first."""
    found = select(SchemeTrial, Wave).join(Wave, SchemeTrial.wave_id == Wave.id).where(SchemeTrial.digest == digest)
    return [(trial, wave) for trial, wave in session.execute(found.order_by(SchemeTrial.made_at.desc()))]


def _shelved(session: Session, kept: SchemeVersion) -> Shelved:
    scheme = load_scheme(kept.source)
    agreed = approvals.suffice(approvals.given(session, subject(scheme), kept.digest))
    return Shelved(scheme, False, agreed, kept.made_by, kept.made_at, kept.note)
