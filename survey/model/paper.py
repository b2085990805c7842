"""Printed questionnaires: what waits to be typed in, tied to the register by the wave key alone."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Mark


class PaperSheet(Base):
    """A sheet (phiếu giấy) by the keyed hashes of its invitation and its number; its entries wait encrypted.

    `sealed` holds number and invitation; `first` and `second` hold who typed what, and are gone once it is settled.
    """

    __tablename__ = "paper_sheet"
    __table_args__ = (
        CheckConstraint("state in ('printed','once','differ','done','overtaken')", name="state"),
        {"sqlite_with_rowid": False},
    )

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    number_mark: Mapped[Mark] = mapped_column(unique=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    first: Mapped[bytes | None] = mapped_column(LargeBinary)
    second: Mapped[bytes | None] = mapped_column(LargeBinary)
