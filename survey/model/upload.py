"""Dossier lists on their way from a page to the worker, and what the worker found in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class FrameUpload(Base):
    """One list that somebody sent: how it is to be read, and the report once it was; a trial stores nothing."""

    __tablename__ = "frame_upload"

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str] = mapped_column(String(254))
    mapping: Mapped[str] = mapped_column(Text)
    is_trial: Mapped[bool]
    report: Mapped[dict[str, Any] | None]


class FrameUploadPart(Base):
    """A piece of the list, encrypted; it goes when the list was read."""

    __tablename__ = "frame_upload_part"

    upload_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("frame_upload.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
