"""Seals of index sheets: what two agencies agreed to and what it was made from; a later seal replaces, none goes.

The bundle lies in the database in pieces, as a wave's does: it is handed out again byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.errors.index import IndexNotSealed, IndexSealed
from survey.model.approval import Approval
from survey.model.index import IndexRun, IndexSeal, IndexSealPart, IndexSheet
from survey.stages import approvals, audit, index_sheets, results
from survey.stages.seals import PIECE


def subject_of(sheet: IndexSheet) -> str:
    """What approvals of a sheet's figures are about."""
    return f"index:{sheet.code}:{sheet.year}"


def digest_of(session: Session, run: IndexRun) -> str:
    """What two agencies agree to: the data and every figure of a run."""
    rows = results.rows_digest(index_sheets.figures(session, run))
    return hashlib.sha256(f"{run.extract_digest} {rows}".encode()).hexdigest()


def approve(session: Session, sheet: IndexSheet, *, by: str, document: str, now: datetime) -> Approval:
    """Agree to the figures of the newest run; IndexSealed when they are sealed already: nothing comes behind a seal."""
    audit.hold(session)
    run, before = index_sheets.newest(session, sheet), newest(session, sheet)
    if before is not None and before.run_id == run.id:
        raise IndexSealed(scheme=sheet.code, year=sheet.year, number=before.number)
    return approvals.give(session, subject_of(sheet), digest_of(session, run), by=by, document=document, now=now)


def require_sealable(session: Session, sheet: IndexSheet, *, reason: str | None) -> tuple[IndexRun, list[Approval]]:
    """The newest run and those who agreed to it. IndexSealed for a sealed sheet without a reason, or with nothing new
    to seal; IndexNotSealed for a reason without a seal; ApprovalsMissing."""
    run, before = index_sheets.newest(session, sheet), newest(session, sheet)
    if before is None and reason is not None:
        raise IndexNotSealed(scheme=sheet.code, year=sheet.year)
    if before is not None and (not (reason or "").strip() or before.run_id == run.id):
        raise IndexSealed(scheme=sheet.code, year=sheet.year, number=before.number)
    return run, approvals.require(session, subject_of(sheet), digest_of(session, run))


def store(
    session: Session, sheet: IndexSheet, statement: bytes, whole: Path, *, identity: bytes, actor: str, now: datetime
) -> IndexSeal:
    """Keep a signed bundle under the `identity` that its inventory is keyed by; its run counts from here."""
    told = json.loads(statement)
    seal = IndexSeal(
        id=identity, sheet_id=sheet.id, number=told["number"], run_id=bytes.fromhex(told["run"]), reason=told["reason"],
        statement=statement.decode(), digest=sha256(statement).hexdigest(), sealed_at=now, sealed_by=actor,
    )  # fmt: skip
    session.add(seal)
    session.flush()
    with whole.open("rb") as stream:
        for position, content in enumerate(iter(lambda: stream.read(PIECE), b"")):
            session.execute(insert(IndexSealPart).values(seal_id=seal.id, position=position, content=content))
    detail = {"number": seal.number, "seal": seal.digest, "run": told["run"], "reason": seal.reason}
    audit.record(
        session, actor=actor, action="index.seal", subject=f"{sheet.code} {sheet.year}", detail=detail, now=now
    )
    return seal


def of_sheet(session: Session, sheet: IndexSheet) -> list[IndexSeal]:
    """Every seal, the one that counts first."""
    made = select(IndexSeal).where(IndexSeal.sheet_id == sheet.id).order_by(IndexSeal.number.desc())
    return list(session.scalars(made))


def newest(session: Session, sheet: IndexSheet) -> IndexSeal | None:
    """The seal that counts."""
    return next(iter(of_sheet(session, sheet)), None)


def find(session: Session, sheet: IndexSheet, number: int | None) -> IndexSeal:
    """A seal by its number, or the one that counts."""
    for seal in of_sheet(session, sheet):
        if number in (None, seal.number):
            return seal
    raise IndexNotSealed(scheme=sheet.code, year=sheet.year)


def statement_of(seal: IndexSeal) -> dict[str, Any]:
    """What a seal says: the hashes of all its parts, who agreed, what it was made from."""
    told: dict[str, Any] = json.loads(seal.statement)
    return told


def signed(session: Session, sheet: IndexSheet, run: IndexRun, *, until: datetime) -> list[dict[str, Any]]:
    """Which agencies agreed by then, on which documents; people are named in the log."""
    return [
        {"agency": one.agency, "rated": one.rated, "document": one.document, "at": one.given_at.isoformat()}
        for one in approvals.given(session, subject_of(sheet), digest_of(session, run))
        if one.given_at <= until
    ]


def write(session: Session, seal: IndexSeal, stream: IO[bytes]) -> None:
    """The bundle's archive as it was sealed."""
    for piece in _pieces(session, seal):
        stream.write(piece)


def _pieces(session: Session, seal: IndexSeal) -> Iterator[bytes]:
    wanted = select(IndexSealPart.content).where(IndexSealPart.seal_id == seal.id).order_by(IndexSealPart.position)
    return iter(session.scalars(wanted.execution_options(yield_per=4)))
