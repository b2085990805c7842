"""Seals: what was let out for good is sealed with everything it was made from; a later seal replaces, none goes.

The bundle lies in the database in pieces, as it was signed: it is handed out again byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey.errors.seals import AlreadySealed, NothingToReplace, SealUnknown
from survey.model.release import Release
from survey.model.seal import Seal, SealPart
from survey.model.wave import Wave
from survey.stages import audit, releases, waves
from survey.stages.releases import Step

PIECE = 1 << 20
_NEWEST = (Seal.sealed_at.desc(), Seal.number.desc(), Seal.id)


def require_sealable(session: Session, wave: Wave, *, reason: str | None) -> Release:
    """The release that is to be sealed. A wave is sealed once; only with a reason another seal replaces the newest."""
    waves.require(wave, *waves.OVER)
    release = releases.require_standing(session, wave, Step.FINAL)
    before = newest(session, wave)
    if before is None:
        if reason is not None:
            raise NothingToReplace(wave=wave.code)
        return release
    if reason is None or not reason.strip():
        raise AlreadySealed(wave=wave.code, number=before.number)
    if before.release_id == release.id:
        raise NothingToReplace(wave=wave.code)
    return release


def store(
    session: Session, wave: Wave, release: Release, statement: bytes, whole: Path, *, identity: bytes, actor: str,
    now: datetime,
) -> Seal:  # fmt: skip
    """Keep a signed bundle; the wave is sealed from here. `identity` is the key of the bundle's inventory."""
    told = json.loads(statement)
    seal = Seal(
        id=identity, wave_id=wave.id, number=told["number"], run_id=release.run_id, release_id=release.id,
        document=release.document, reason=told["reason"], statement=statement.decode(),
        digest=sha256(statement).hexdigest(), sealed_at=now, sealed_by=actor,
    )  # fmt: skip
    session.add(seal)
    session.flush()
    with whole.open("rb") as stream:
        for position, content in enumerate(iter(lambda: stream.read(PIECE), b"")):
            session.execute(insert(SealPart).values(seal_id=seal.id, position=position, content=content))
    detail = {"number": seal.number, "seal": seal.digest, "run": seal.run_id.hex(), "reason": seal.reason}
    if wave.state == waves.CLOSED:
        waves.move(
            session, wave, waves.SEALED, action="results.seal", actor=actor, now=now, document=release.document,
            **detail,
        )  # fmt: skip
        return seal
    detail["document"] = release.document
    audit.record(session, actor=actor, action="results.seal", subject=wave.code, detail=detail, now=now)
    return seal


def newest(session: Session, wave: Wave) -> Seal | None:
    """The seal that counts."""
    return next(iter(of_wave(session, wave)), None)


def sealed_waves(session: Session) -> list[Wave]:
    """The waves that have a seal, the newest period first."""
    with_seal = select(Seal.wave_id).distinct()
    return list(session.scalars(select(Wave).where(Wave.id.in_(with_seal)).order_by(Wave.period_to.desc(), Wave.code)))


def of_wave(session: Session, wave: Wave) -> list[Seal]:
    """Every seal of a wave, the one that counts first."""
    return list(session.scalars(select(Seal).where(Seal.wave_id == wave.id).order_by(Seal.number.desc())))


def find(session: Session, wave: Wave, number: int | None) -> Seal:
    """A seal by its number, or the one that counts."""
    for seal in of_wave(session, wave):
        if number in (None, seal.number):
            return seal
    raise SealUnknown(wave=wave.code, number=number or 1)


def last_of_all(session: Session) -> Seal | None:
    """The newest seal of the whole site: each names the one before it."""
    return session.scalars(select(Seal).order_by(*_NEWEST)).first()


def newest_digest(session: Session) -> str:
    """The newest seal of the whole site in short; empty before the first."""
    return session.scalars(select(Seal.digest).order_by(*_NEWEST)).first() or ""


def statement_of(seal: Seal) -> dict[str, Any]:
    """What a seal says: the hashes of all its parts, the decision, the program, the seed."""
    told: dict[str, Any] = json.loads(seal.statement)
    return told


def size(session: Session, seal: Seal) -> tuple[int, int]:
    """How many pieces a bundle has and how many bytes they are together."""
    wanted = select(func.count(), func.coalesce(func.sum(func.length(SealPart.content)), 0))
    count, total = session.execute(wanted.where(SealPart.seal_id == seal.id)).one()
    return int(count), int(total)


def piece(session: Session, seal_id: bytes, position: int) -> bytes:
    """One piece of a bundle's archive."""
    return bytes(session.get_one(SealPart, (seal_id, position)).content)


def pieces(session: Session, seal: Seal) -> Iterator[bytes]:
    """The bundle's archive as it was sealed, a piece at a time."""
    wanted = select(SealPart.content).where(SealPart.seal_id == seal.id).order_by(SealPart.position)
    return iter(session.scalars(wanted.execution_options(yield_per=4)))


def write(session: Session, seal: Seal, stream: IO[bytes]) -> None:
    for piece in pieces(session, seal):
        stream.write(piece)
