"""The audit log: every step that somebody answers for, each entry bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from survey.db import lock_table
from survey.errors import AuditBroken
from survey.model.audit import AuditEntry

START = bytes(32)
TABLE = cast(Table, AuditEntry.__table__)


def record(
    session: Session, *, actor: str, action: str, subject: str, detail: dict[str, Any], now: datetime
) -> AuditEntry:
    """Append one entry; writers queue at the end of the chain until the one before has committed."""
    lock_table(session, TABLE)
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).first()
    number, previous = (1, START) if last is None else (last.number + 1, last.hash)
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    entry = AuditEntry(
        number=number, at=now, actor=actor, action=action, subject=subject, detail=text, previous=previous, hash=START
    )
    entry.hash = _hash(entry)
    session.add(entry)
    session.flush()
    return entry


def verify(session: Session) -> int:
    """The number of entries when the chain holds; AuditBroken names the first that does not."""
    previous, expected = START, 1
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.number)):
        if entry.number != expected or entry.previous != previous or entry.hash != _hash(entry):
            raise AuditBroken(number=expected)
        previous, expected = entry.hash, expected + 1
    return expected - 1


def _hash(entry: AuditEntry) -> bytes:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = [entry.number, at, entry.actor, entry.action, entry.subject, entry.detail]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(entry.previous + text.encode()).digest()
