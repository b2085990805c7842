"""Officials who judge units: their group and agency; contacts hidden."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Hidden, Mark, RandomId


class Rater(Base):
    """One invited official; `rates` names the units that this rater may judge, or `*`."""

    __tablename__ = "rater"
    __table_args__ = (UniqueConstraint("wave_id", "code_mark"),)

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    code_mark: Mapped[Mark]
    group: Mapped[Code]
    agency: Mapped[str] = mapped_column(String(60))
    rates: Mapped[list[str]]
    phone: Mapped[Hidden]
    email: Mapped[Hidden]
