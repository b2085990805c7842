"""What is counted at the doors through which forms come in: coarse sums of a poster, kiosk, top-up or interviewer."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base


class DoorCount(Base):
    """Forms that a collector completed in one hour of the day, after one range of gaps or within one range of seconds.

    `collector` is `unit|mode`, or an interviewer's account. There is no day, no form and no person in it.
    """

    __tablename__ = "door_count"
    __table_args__ = (
        CheckConstraint("number >= 0 and bin >= 0", name="number"),
        CheckConstraint("counter in ('hour','gap','speed')", name="counter"),
    )

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    collector: Mapped[str] = mapped_column(String(80), primary_key=True)
    counter: Mapped[str] = mapped_column(String(8), primary_key=True)
    bin: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
