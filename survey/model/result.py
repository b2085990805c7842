"""Results: append-only runs that name everything they were made from, and their figures."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from survey.model.base import Base, Code, Name, RandomId


class Run(Base):
    """One computation of a wave's scores."""

    __tablename__ = "run"

    id: Mapped[RandomId]
    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(254))
    extract_digest: Mapped[str] = mapped_column(String(64))
    code_version: Mapped[str] = mapped_column(String(60))
    options: Mapped[dict[str, Any]]


class Figure(Base):
    """One row of the results (CONTRACT: results folder), every number as its decimal string."""

    __tablename__ = "figure"
    __table_args__ = (
        Index("ix_figure_page", "run_id", "level_of", "unit_code"),
        Index("ix_figure_unit", "run_id", "unit_code"),
    )

    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("run.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    unit_code: Mapped[Code]
    level_of: Mapped[str] = mapped_column(String(12))
    code: Mapped[Code]
    is_official: Mapped[bool]
    row: Mapped[dict[str, Any]]


class Description(Base):
    """A piece of a table that describes a run's wave beside its figures: what is of one unit, or of the province."""

    __tablename__ = "description"
    __table_args__ = (Index("ix_description_unit", "run_id", "unit_code"),)

    run_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("run.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    unit_code: Mapped[Code]
    content: Mapped[dict[str, Any]]


class InputFigure(Base):
    """A figure that is not surveyed, typed in with its source; the audit log keeps the values before."""

    __tablename__ = "input_figure"

    wave_id: Mapped[bytes] = mapped_column(LargeBinary(16), ForeignKey("wave.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(String(60), ForeignKey("unit.code"), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Decimal] = mapped_column(Numeric(20, 6))
    source: Mapped[Name] = mapped_column(Text)
