"""Holds the audit log against every signed head that bundle and stored seals have, and reads what came since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.custody import statements
from survey.custody.broken import BundleBroken, Fault
from survey.custody.bundles import Opened
from survey.errors.common import AuditBroken
from survey.model.audit import AuditEntry
from survey.model.index import IndexSeal, IndexSheet
from survey.model.seal import Seal
from survey.model.wave import Wave
from survey.stages import audit, units
from survey.stages.audit import Break, Head

SEALED, INDEX_SEALED, PURGED = "results.seal", "index.seal", "retention.purge"


def require(session: Session, bundle: Opened, told: Mapping[str, Any], digest: str) -> int:
    """Number of entries. The chain holds, goes on from the heads of this and all other seals, and has their entries.

    What was cut off behind the last of these, only a head that was kept elsewhere tells.
    """
    entries = audit.verify(session, signed=_head(told)).count
    for other, stated in _stored(session, bundle, told):
        _require_head(session, _head(other))
        _require_entry(session, bundle, other, sha256(stated.encode()).hexdigest())
    _require_entry(session, bundle, told, digest)
    return entries


def _require_entry(session: Session, bundle: Opened, told: Mapping[str, Any], digest: str) -> None:
    action = INDEX_SEALED if "index" in told else SEALED
    if not any(detail.get("seal") == digest for detail in since(session, told, action)):
        raise BundleBroken(bundle.name, Fault.RECORD_MISSING, AuditEntry.__tablename__, field=action)


def since(
    session: Session, told: Mapping[str, Any], action: str, *, subject: str | None = None
) -> Iterator[dict[str, Any]]:
    """What entries of an action (on a subject) after the sealed head say, the oldest first."""
    later = (AuditEntry.number > _head(told).count) & (AuditEntry.action == action)
    if subject is not None:
        later &= AuditEntry.subject == subject
    for detail in session.scalars(select(AuditEntry.detail).where(later).order_by(AuditEntry.number)):
        yield json.loads(detail)


def purged(session: Session, told: Mapping[str, Any]) -> frozenset[str]:
    """The tables from which something of this wave was deleted at its date since; early entries name no waves."""
    mine = [detail for detail in since(session, told, PURGED) if told["wave"] in detail.get("words", [told["wave"]])]
    return frozenset(table for detail in mine for table, rows in detail.get("deleted", {}).items() if rows)


def renamed(session: Session, told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By unit what later imports made of it."""
    found: dict[str, dict[str, Any]] = {}
    for detail in since(session, told, units.IMPORT):
        for code, values in detail.get("changed", {}).items():
            found[code] = found.get(code, {}) | values
    return found


def _head(told: Mapping[str, Any]) -> Head:
    return Head(told["audit"]["count"], bytes.fromhex(told["audit"]["hash"]))


def _stored(session: Session, bundle: Opened, told: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """What the site's other seals state, as far as the same key signed it, and the text of it; its own is looked at
    more closely."""
    own = select(Seal.id).join(Wave, Wave.id == Seal.wave_id)
    own = own.where(Wave.code == told.get("wave"), Seal.number == told["number"])
    index = select(IndexSeal.id).join(IndexSheet, IndexSheet.id == IndexSeal.sheet_id)
    index = index.where(IndexSheet.code == told.get("index"), IndexSheet.year == told["year"])
    for table, wanted in (
        (Seal, select(Seal.statement).where(Seal.id.not_in(own))),
        (
            IndexSeal,
            select(IndexSeal.statement).where(IndexSeal.id.not_in(index.where(IndexSeal.number == told["number"]))),
        ),
    ):
        for stated in session.scalars(wanted):
            try:
                found = statements.read(stated.encode(), bundle=bundle.name, public=None)
            except BundleBroken as error:
                name = table.__tablename__
                raise BundleBroken(bundle.name, Fault.RECORD_CHANGED, name, field="statement") from error
            if found["key"] == told["key"]:
                yield found, stated


def _require_head(session: Session, head: Head) -> None:
    entry = session.get(AuditEntry, head.count) if head.count else None
    if head.count and entry is None:
        raise AuditBroken(head.count, Break.CUT_OFF, str(head.count), str(audit.head(session).count))
    if entry is not None and entry.hash != head.hash:
        raise AuditBroken(head.count, Break.REWRITTEN, head.hash.hex(), entry.hash.hex())
