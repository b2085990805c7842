"""Receipts: that an answer arrived, for whoever holds its code; apart from answers, units and the register."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, RandomId


class WaitingReceipt(Base):
    """The hash of a code, sealed to the wave's key as answers are, until the close."""

    __tablename__ = "waiting_receipt"
    __table_args__ = {"sqlite_with_rowid": False}

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Receipt(Base):
    """The hash of a code whose answer was there at the close: no unit, no class, no order, no time."""

    __tablename__ = "receipt"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
