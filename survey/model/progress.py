"""What happened in each cell and on each day, in counts; and the releases of the drawn sample."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class CellCount(Base):
    """How often one kind of event happened in a joint class: raised in the transaction of the event, never recounted.

    A row for each class and kind of event spreads the writers: two answers wait for each other only in one class.
    """

    __tablename__ = "cell_count"
    __table_args__ = (CheckConstraint("number >= 0", name="number"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    cell: Mapped[str] = mapped_column(String(60), primary_key=True)
    event: Mapped[str] = mapped_column(String(12), primary_key=True)
    number: Mapped[int]


class DayCount(Base):
    """Completed forms of a unit on a day of the province; of a rater group the forms until then, rounded down to 5."""

    __tablename__ = "day_count"
    __table_args__ = (CheckConstraint("completed >= 0", name="completed"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    cell: Mapped[str] = mapped_column(String(60), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    completed: Mapped[int]


class Replicate(Base):
    """A replicate of the drawn sample: advised with its gain, then sent out by a person, or overtaken by another."""

    __tablename__ = "replicate"
    __table_args__ = (CheckConstraint("state in ('advised','released','overtaken')", name="state"),)

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    size: Mapped[int]
    advice: Mapped[dict[str, Any]]
    advised_at: Mapped[datetime]
    advised_by: Mapped[str] = mapped_column(String(254))
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None] = mapped_column(String(254))
