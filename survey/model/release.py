"""Releases: the steps in which two people let a run's figures out, and the complaints between them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Name, RandomId


class Release(Base):
    """A run that is to be let out: proposed by one person with a decision, let out when two have signed."""

    __tablename__ = "release"
    __table_args__ = (
        CheckConstraint("step in ('provisional','final')", name="step"),
        CheckConstraint("(step = 'provisional') = (complaints_until is not null)", name="window"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("run.id"))
    step: Mapped[str] = mapped_column(String(12))
    document: Mapped[Name]
    complaints_until: Mapped[datetime | None]
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str] = mapped_column(String(254))
    released_at: Mapped[datetime | None]


class Complaint(Base):
    """What a rated unit holds against its provisional figures (kiến nghị điểm), the answer, the council's decision."""

    __tablename__ = "complaint"
    __table_args__ = (
        CheckConstraint("verdict is null or verdict in ('upheld','rejected')", name="verdict"),
        CheckConstraint("(verdict is null) = (document is null)", name="decision"),
    )

    id: Mapped[RandomId]
    release_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("release.id"), index=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"))
    code: Mapped[Code]
    text: Mapped[str] = mapped_column(Text)
    filed_at: Mapped[datetime]
    filed_by: Mapped[str] = mapped_column(String(254))
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(254))
    verdict: Mapped[str | None] = mapped_column(String(12))
    document: Mapped[str | None] = mapped_column(String(300))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(254))
