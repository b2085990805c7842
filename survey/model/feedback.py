"""A word back: comments that people sent to the unit that handled their file, without any of their answers."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class Feedback(Base):
    """One comment (phản ánh, kiến nghị), masked; without the unit where fewer than ten of it came in the wave."""

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("state in ('waiting','released','withheld')", name="state"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    unit_code: Mapped[str | None] = mapped_column(String(60), ForeignKey("unit.code"))
    state: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text)
