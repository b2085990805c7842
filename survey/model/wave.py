"""Waves: what is asked, of which units, by which schemes it is scored; frozen texts included."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, RandomId


class Wave(Base):
    """One survey of one audience in one period (đợt khảo sát)."""

    __tablename__ = "wave"
    __table_args__ = (
        CheckConstraint("kind in ('real','rehearsal')", name="kind"),
        CheckConstraint("audience in ('citizens','officials')", name="audience"),
        CheckConstraint("state in ('draft','planned','open','paused','closed','sealed','purged')", name="state"),
        CheckConstraint("(state = 'paused') = (paused_until is not null)", name="pause"),
        CheckConstraint("period_from <= period_to", name="period"),
        CheckConstraint("opens < closes", name="opening"),
    )

    id: Mapped[RandomId]
    code: Mapped[Code] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    audience: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    phase: Mapped[int]
    province: Mapped[Code] = mapped_column(ForeignKey("unit.code"))
    period_from: Mapped[date]
    period_to: Mapped[date]
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    paused_until: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    instrument_code: Mapped[Code]
    instrument: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]]
    documents: Mapped[list[Any]]
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]


class WaveScheme(Base):
    """A scoring scheme that the wave is scored by, frozen with it."""

    __tablename__ = "wave_scheme"

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[Code]
    source: Mapped[str] = mapped_column(Text)


class WaveUnit(Base):
    """A rated unit of the wave with the number of completed questionnaires wanted from it."""

    __tablename__ = "wave_unit"
    __table_args__ = (CheckConstraint("target >= 0", name="target"),)

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    target: Mapped[int]
