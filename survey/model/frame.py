"""The frame (dàn mẫu): finished dossiers, contacts hidden, and the rows that could not be used."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Hidden, Mark, RandomId


class FrameFile(Base):
    """One imported list and what was found in it."""

    __tablename__ = "frame_file"
    __table_args__ = (UniqueConstraint("wave_id", "digest"),)

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    digest: Mapped[str] = mapped_column(String(64))
    imported_at: Mapped[datetime]
    imported_by: Mapped[str] = mapped_column(String(254))
    report: Mapped[dict[str, Any]]


class QuarantinedRow(Base):
    """A row that cannot be used: where, why, and the row itself hidden; nobody edits it."""

    __tablename__ = "quarantined_row"

    id: Mapped[RandomId]
    file_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("frame_file.id"), index=True)
    row: Mapped[int]
    column: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(40))
    content: Mapped[Hidden]


class Dossier(Base):
    """A finished dossier of a rated unit; its code is only a keyed hash."""

    __tablename__ = "dossier"
    __table_args__ = (UniqueConstraint("wave_id", "code_mark"),)

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    code_mark: Mapped[Mark]
    linked_mark: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    person_mark: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"))
    field: Mapped[str] = mapped_column(String(200))
    procedure_code: Mapped[str | None] = mapped_column(String(200))
    point_of_service: Mapped[str | None] = mapped_column(String(200))
    finished_on: Mapped[date]
    timing: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(10))
    channel: Mapped[str] = mapped_column(String(10))
    applicant: Mapped[str] = mapped_column(String(12))
    sex: Mapped[str] = mapped_column(String(1))
    age_band: Mapped[str] = mapped_column(String(8))
    commune: Mapped[str | None] = mapped_column(String(60))
    phone: Mapped[Hidden]
    email: Mapped[Hidden]
    name: Mapped[Hidden]
    address: Mapped[Hidden]


class FrameNote(Base):
    """A signed coverage note: who answers for what the frame covers; it binds the frame as it stood."""

    __tablename__ = "frame_note"

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    signer: Mapped[str] = mapped_column(String(254))
    document: Mapped[str | None] = mapped_column(String(300))
    signed_at: Mapped[datetime]
    signed_as: Mapped[str] = mapped_column(String(254))
    frame_digest: Mapped[str] = mapped_column(String(64))
    coverage: Mapped[dict[str, Any]]
