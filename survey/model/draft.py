"""Answers on their way, encrypted with what only the respondent's link or browser holds."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base


class Draft(Base):
    """One open form; gone when it is sent, when it expires or when the wave closes."""

    __tablename__ = "draft"
    __table_args__ = {"sqlite_with_rowid": False}

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    expires_on: Mapped[date]
