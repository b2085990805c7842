"""What each webhook still has to be told: entries of the audit log behind its own mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.model.api_key import HookCursor
from survey.model.audit import AuditEntry
from survey.stages import audit

AT_ONCE = 50


@dataclass(frozen=True)
class Told:
    """One event, with nothing of its details: a program that may know more asks the API."""

    number: int
    type: str
    subject: str
    at: datetime

    def body(self) -> dict[str, str | int]:
        return {"number": self.number, "type": self.type, "subject": self.subject, "at": self.at.isoformat()}


def due(session: Session, name: str, events: Iterable[str]) -> list[Told]:
    """The next events of a webhook in their order; a new one begins at the end of the log."""
    cursor = session.get(HookCursor, name)
    if cursor is None:
        session.add(HookCursor(name=name, number=audit.head(session).count))
        session.flush()
        return []
    wanted = select(AuditEntry).where(AuditEntry.number > cursor.number, AuditEntry.action.in_(list(events)))
    found = session.scalars(wanted.order_by(AuditEntry.number).limit(AT_ONCE))
    return [Told(one.number, one.action, one.subject, one.at) for one in found]


def done(session: Session, name: str, number: int) -> None:
    """A webhook took the event of this entry, and those before."""
    session.get_one(HookCursor, name).number = number
