"""Tasks: long computations that a page asked for, and how far each is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class Task(Base):
    """One computation of a wave or of a year's index: what it is doing now, or how it ended."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("state in ('waiting','running','done','refused')", name="state"),
        CheckConstraint("done >= 0 and done <= steps", name="progress"),
        CheckConstraint("(wave_id is null) <> (sheet_id is null)", name="one_subject"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    sheet_id: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("index_sheet.id"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    step: Mapped[str] = mapped_column(String(40))
    done: Mapped[int]
    steps: Mapped[int]
    refusal: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(254))
    ended_at: Mapped[datetime | None]
