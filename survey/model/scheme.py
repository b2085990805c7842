"""Scoring schemes that the province writes on the site, version by version, and what a version would have changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, RandomId


class SchemeVersion(Base):
    """One version of a scheme, never changed after it was kept; `digest` is the SHA-256 of its text."""

    __tablename__ = "scheme_version"
    __table_args__ = (UniqueConstraint("code", "version"), UniqueConstraint("digest"))

    id: Mapped[RandomId]
    code: Mapped[Code]
    version: Mapped[Code]
    digest: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(String(300))
    made_by: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime]


class SchemeTrial(Base):
    """A dry run: a closed wave's totals by its own scheme and by another version, unit by unit."""

    __tablename__ = "scheme_trial"

    id: Mapped[RandomId]
    digest: Mapped[str] = mapped_column(String(64), index=True)
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"))
    made_by: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime]
    lines: Mapped[list[Any]]
