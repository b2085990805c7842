"""Seals: a wave's results with all that they were made from, signed; a later one replaces, none is taken away."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Name, RandomId


class Seal(Base):
    """One seal of a wave; the newest counts."""

    __tablename__ = "seal"
    __table_args__ = (
        UniqueConstraint("wave_id", "number"),
        CheckConstraint("(number = 1) = (reason is null)", name="reason"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    number: Mapped[int]
    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("run.id"))
    release_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("release.id"))
    document: Mapped[Name]
    reason: Mapped[str | None] = mapped_column(Text)
    statement: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]
    sealed_by: Mapped[str] = mapped_column(String(254))


class SealPart(Base):
    """A piece of a seal's bundle, as it is handed out."""

    __tablename__ = "seal_part"

    seal_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("seal.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
