"""Dossier lists sent by a page: kept in encrypted pieces until the worker has read them, then only what was found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from survey.errors.waves import ListGone
from survey.keys import InstallationKey
from survey.mapping import read_mapping
from survey.model.base import new_id
from survey.model.upload import FrameUpload, FrameUploadPart
from survey.model.wave import Wave
from survey.stages import audit, frames
from survey.stages.dossiers import COLUMNS

PIECE = 1 << 20
LIFE = timedelta(days=1)  # a list that no worker read by then goes unread
MOST_TOLD = 2000  # faulty rows that a report names


def keep(
    session: Session, wave: Wave, stream: IO[bytes], *, mapping: str, is_trial: bool, installation: InstallationKey,
    actor: str, now: datetime,
) -> FrameUpload:  # fmt: skip
    """Keep a list for the worker. Refuses what the worker would: a frame that is closed, a mapping with faults."""
    frames.require_open_frame(session, wave)
    if mapping:
        read_mapping(mapping, COLUMNS.known)
    forget(session, wave)
    upload = FrameUpload(
        id=new_id(), wave_id=wave.id, uploaded_at=now, uploaded_by=actor, mapping=mapping, is_trial=is_trial,
        report=None,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    position = 0
    while piece := stream.read(PIECE):
        session.add(FrameUploadPart(
            upload_id=upload.id, position=position, content=installation.wrap(piece), expires_at=now + LIFE
        ))  # fmt: skip
        session.flush()
        position += 1
    audit.record(
        session, actor=actor, action="frame.upload", subject=wave.code, now=now,
        detail={"pieces": position, "trial": is_trial},
    )  # fmt: skip
    return upload


def forget(session: Session, wave: Wave) -> None:
    """The pieces of the wave's earlier lists go: what was not read by now was sent again."""
    mine = select(FrameUpload.id).where(FrameUpload.wave_id == wave.id)
    session.execute(delete(FrameUploadPart).where(FrameUploadPart.upload_id.in_(mine)))


def find(session: Session, wave: Wave, identity: bytes) -> FrameUpload:
    found = session.get(FrameUpload, identity)
    if found is None or found.wave_id != wave.id:
        raise ListGone(wave=wave.code)
    return found


def pieces(session: Session, upload: FrameUpload, installation: InstallationKey) -> Iterator[bytes]:
    """The list, piece by piece."""
    mine = select(FrameUploadPart.content).where(FrameUploadPart.upload_id == upload.id)
    for content in session.scalars(mine.order_by(FrameUploadPart.position)):
        yield installation.unwrap(content)


def settle(session: Session, upload: FrameUpload, report: dict[str, Any] | None) -> None:
    """The list was read, or refused (None): its pieces go, what was found stays."""
    session.execute(delete(FrameUploadPart).where(FrameUploadPart.upload_id == upload.id))
    if report is not None:
        told = {name: report[name][:MOST_TOLD] for name in ("quarantined", "unreadable_contacts")}
        upload.report = report | told | {"counted": len(report["quarantined"])}
    session.flush()


def latest(session: Session, wave: Wave) -> FrameUpload | None:
    """The list that was sent last."""
    mine = select(FrameUpload).where(FrameUpload.wave_id == wave.id)
    return session.scalars(mine.order_by(FrameUpload.uploaded_at.desc()).limit(1)).first()
