"""Keys of the API: scoped, shown once, hashed at rest, with an end; every one in the audit log."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors.api import ApiKeyUnknown
from survey.errors.common import UnitUnknown
from survey.model.api_key import ApiKey
from survey.model.unit import Unit
from survey.stages import audit

PREFIX = "hl_"


class Scope(StrEnum):
    """What a key may do."""

    WAVES = "waves"  # waves and their units
    PROGRESS = "progress"  # counts of the board, nothing of what was answered
    SCORES = "scores"  # figures of sealed waves
    PROVISIONAL = "scores.provisional"  # figures before the seal
    BUNDLES = "bundles"  # sealed bundles, with the anonymous answers
    POINTS = "points.write"  # load appraised points into the year's index


@dataclass(frozen=True)
class Holder:
    """Whose program is asking; the unit that it belongs to learns its own figures at the release."""

    id: str
    name: str
    scopes: frozenset[Scope]
    unit: str | None


def issue(
    session: Session,
    *,
    name: str,
    scopes: Iterable[Scope],
    unit: str | None,
    expires_at: datetime,
    actor: str,
    now: datetime,
) -> str:
    """A new key as text, which nobody can show again; UnitUnknown for a unit that is not there."""
    if unit is not None and session.get(Unit, unit) is None:
        raise UnitUnknown(unit=unit)
    text, held = PREFIX + secrets.token_urlsafe(32), sorted({Scope(scope).value for scope in scopes})
    key = ApiKey(
        name=name,
        key_hash=_hash(text),
        scopes=held,
        unit_code=unit,
        created_by=actor,
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
    )
    session.add(key)
    session.flush()
    detail = {"name": name, "scopes": held, "unit": unit, "expires": expires_at.isoformat()}
    audit.record(session, actor=actor, action="api_key.issue", subject=key.id.hex(), detail=detail, now=now)
    return text


def revoke(session: Session, key: str, *, actor: str, now: datetime) -> None:
    """End a key at once; ApiKeyUnknown when there is none of this id. A second time changes nothing."""
    found = session.get(ApiKey, _id(key))
    if found is None:
        raise ApiKeyUnknown(key=key)
    if found.revoked_at is None:
        found.revoked_at = now
        audit.record(session, actor=actor, action="api_key.revoke", subject=key, detail={"name": found.name}, now=now)


def every(session: Session) -> list[ApiKey]:
    """All keys, the newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def holder(session: Session, text: str, now: datetime) -> Holder | None:
    """Whose key this is; None for one that never was, has ended or was revoked."""
    found = session.scalars(select(ApiKey).where(ApiKey.key_hash == _hash(text))).first()
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        return None
    return Holder(found.id.hex(), found.name, frozenset(Scope(one) for one in found.scopes), found.unit_code)


def _hash(text: str) -> bytes:
    """Of 256 random bits a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
