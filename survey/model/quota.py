"""Hard cells of counter, kiosk and open links: places, and places held for a while."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Mark, RandomId


class QuotaCell(Base):
    """A counter's cell (chỉ tiêu số phiếu): `taken` counts held and completed places and never passes `target`."""

    __tablename__ = "quota_cell"
    __table_args__ = (
        CheckConstraint("taken >= 0 and taken <= target", name="never_over"),
        CheckConstraint("mode in ('counter','kiosk','open')", name="mode"),
    )

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"))
    point_of_service: Mapped[str | None] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(12))
    code_mark: Mapped[Mark] = mapped_column(unique=True)
    target: Mapped[int]
    taken: Mapped[int]
    last_at: Mapped[datetime | None]  # until the close: to see how fast forms follow each other
    too_fast: Mapped[int]


class Reservation(Base):
    """A place held for one open form until it is sent or its time is over."""

    __tablename__ = "reservation"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    cell_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("quota_cell.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    begun_at: Mapped[datetime | None]  # until the form is sent: to see how fast it was filled in
