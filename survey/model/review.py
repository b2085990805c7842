"""The review of suspicious answers: what the screening of a wave found, and what two people decided about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Name, RandomId


class Screening(Base):
    """One screening of a closed wave's answers; the newest counts."""

    __tablename__ = "screening"

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    extract_digest: Mapped[str] = mapped_column(String(64))
    answers: Mapped[int]
    options: Mapped[dict[str, Any]]
    code_version: Mapped[str] = mapped_column(String(60))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(254))


class ScreeningCase(Base):
    """A unit, collector or batch with a flag, and the decision about it."""

    __tablename__ = "screening_case"
    __table_args__ = (
        CheckConstraint("verdict is null or verdict in ('confirmed','not_confirmed')", name="verdict"),
        CheckConstraint("(verdict is null) = (decided_at is null)", name="decided"),
    )

    screening_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("screening.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[Name]
    answers: Mapped[int]
    flagged: Mapped[int]
    verdict: Mapped[str | None] = mapped_column(String(16))
    decided_at: Mapped[datetime | None]


class ScreeningFinding(Base):
    """A flag with its evidence: what was counted, what honest answers let expect, how unlikely the difference is."""

    __tablename__ = "screening_finding"

    screening_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("screening.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    signal: Mapped[str] = mapped_column(String(20), primary_key=True)
    evidence: Mapped[dict[str, Any]]


class FlaggedAnswer(Base):
    """An answer that a flag points at; nothing is deleted."""

    __tablename__ = "flagged_answer"
    __table_args__ = {"sqlite_with_rowid": False}

    screening_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("screening.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    answer_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("answer.id"), primary_key=True)
