"""The audit log: every step that somebody answers for, each entry bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Row, Table, select
from sqlalchemy.orm import Session

from survey.db import lock_table
from survey.errors.common import AuditBroken
from survey.model.audit import AuditEntry

START = bytes(32)
CHUNK = 2000
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
    entry.hash = hash_of(entry)
    session.add(entry)
    session.flush()
    return entry


def subjects_since(session: Session, *, actor: str, action: str, since: datetime) -> set[str]:
    """What somebody did this to since an instant."""
    same = (AuditEntry.actor == actor) & (AuditEntry.action == action) & (AuditEntry.at >= since)
    return set(session.scalars(select(AuditEntry.subject).where(same)))


@dataclass(frozen=True)
class Head:
    """How many entries there are, and the hash of the last: it stands for all of them."""

    count: int
    hash: bytes


class Break(StrEnum):
    """In which way an entry does not fit."""

    MISSING = "entry_missing"  # another number stands where this one belongs
    MOVED = "entry_moved"  # it names another entry as the one before
    CHANGED = "entry_changed"  # its content is not what its hash says
    CUT_OFF = "entry_cut_off"  # a signed head names it, and the log ends before
    REWRITTEN = "entry_rewritten"  # the log holds together, but a signed head names another hash


def head(session: Session) -> Head:
    """The end of the chain as it stands; `verify` says whether the chain holds."""
    last = session.execute(select(TABLE.c.number, TABLE.c.hash).order_by(TABLE.c.number.desc()).limit(1)).first()
    return Head(0, START) if last is None else Head(*last)


def newest_entries(session: Session, *, before: int | None, most: int) -> list[AuditEntry]:
    """The last entries, or those below a number; the newest first."""
    entries = select(AuditEntry).order_by(AuditEntry.number.desc()).limit(most)
    return list(session.scalars(entries if before is None else entries.where(AuditEntry.number < before)))


def hold(session: Session) -> Head:
    """The end of the chain, with nobody else writing to it before this transaction ends."""
    lock_table(session, TABLE)
    return head(session)


def newest(session: Session) -> datetime | None:
    """The latest instant that an entry names; None when there is none."""
    return session.scalar(select(AuditEntry.at).order_by(AuditEntry.at.desc()).limit(1))


def verify(session: Session, *, signed: Head | None = None) -> Head:
    """The end of the chain when it holds, and goes on from the signed head; AuditBroken names the first that does not.

    Who can write to the database can make a new chain, hashes and all, or cut the end off: only a head that was signed
    and kept elsewhere tells.
    """
    previous, expected = START, 1
    for row in session.execute(select(TABLE).order_by(TABLE.c.number).execution_options(yield_per=CHUNK)):
        if row.number != expected:
            raise AuditBroken(expected, Break.MISSING, str(expected), str(row.number))
        if row.previous != previous:
            raise AuditBroken(expected, Break.MOVED, previous.hex(), row.previous.hex())
        if row.hash != (made := hash_of(row)):
            raise AuditBroken(expected, Break.CHANGED, row.hash.hex(), made.hex())
        if signed is not None and signed.count == expected and signed.hash != row.hash:
            raise AuditBroken(expected, Break.REWRITTEN, signed.hash.hex(), row.hash.hex())
        previous, expected = row.hash, expected + 1
    if signed is not None and signed.count >= expected:
        raise AuditBroken(expected, Break.CUT_OFF, str(signed.count), str(expected - 1))
    return Head(expected - 1, previous)


def hash_of(entry: AuditEntry | Row[Any]) -> bytes:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = [entry.number, at, entry.actor, entry.action, entry.subject, entry.detail]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(entry.previous + text.encode()).digest()
