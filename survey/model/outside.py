"""Figures that others measured (PAPI, Decision 766): shown beside the survey's, never part of a score."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Name


class OutsideFigure(Base):
    """One figure of another source for a unit and year."""

    __tablename__ = "outside_figure"
    __table_args__ = (
        CheckConstraint("source in ('papi', 'decision_766', 'other')", name="source"),
        CheckConstraint("value >= 0 and (max is null or value <= max)", name="value"),
    )

    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[Code] = mapped_column(primary_key=True)
    name_vi: Mapped[Name]
    name_en: Mapped[Name]
    value: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    max: Mapped[Decimal | None] = mapped_column(Numeric(14, 4))
    document: Mapped[str] = mapped_column(Text)
